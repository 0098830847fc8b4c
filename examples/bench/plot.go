package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// The plot is a dark card, which can be read on light and on dark pages.
const (
	plotWidth  = 820
	barsAt     = 190 // where the bars begin
	barsWidth  = 460 // of the longest
	barHeight  = 14
	lineHeight = 20
)

// plot draws a bar for each engine and shape, as long as it is fast compared with the baseline, as SVG.
func plot(results []result, caption string) []byte {
	longest := 1.0
	for _, r := range results {
		longest = max(longest, r.Ratio)
	}
	var body bytes.Buffer
	y := 70
	shape := ""
	for _, r := range results {
		if r.Shape != shape {
			shape = r.Shape
			y += 34
			fmt.Fprintf(&body, `<text x="20" y="%d" fill="#f0f6fc" font-weight="bold">%s</text>`+"\n", y, escape(shape))
			y += 8
		}
		width := max(1, r.Ratio/longest*barsWidth)
		fmt.Fprintf(&body, `<text x="%d" y="%d" fill="#d0d7de" text-anchor="end">%s</text>`, barsAt-10, y+barHeight-2, escape(r.Engine))
		fmt.Fprintf(&body, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`, barsAt, y, width, barHeight, colour(r.Engine))
		fmt.Fprintf(&body, `<text x="%.1f" y="%d" fill="#d0d7de">%.2fx<tspan fill="#8b949e">  %.0f MB/s</tspan></text>`+"\n", barsAt+width+8, y+barHeight-2, r.Ratio, r.MBPerS)
		y += lineHeight
	}
	y += 14
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="How fast delimited text is read, compared with %s">`+"\n", plotWidth, y, plotWidth, y, baseline)
	fmt.Fprintf(&b, `<rect width="%d" height="100%%" rx="8" fill="#1b1f24"/>`+"\n", plotWidth)
	fmt.Fprintln(&b, `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="13" xml:space="preserve">`)
	fmt.Fprintf(&b, `<text x="20" y="34" fill="#f0f6fc" font-size="16">Times as fast as %s; every cell of every record looked at</text>`+"\n", baseline)
	fmt.Fprintf(&b, `<text x="20" y="58" fill="#8b949e" font-size="11">%s</text>`+"\n", escape(caption))
	b.Write(body.Bytes())
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// colour tells the baseline, this module and its peers apart.
func colour(engine string) string {
	switch {
	case engine == baseline:
		return "#8b949e"
	case strings.HasPrefix(engine, "records"), strings.HasPrefix(engine, "pipeline"):
		return "#3fb950"
	}
	return "#db6d28"
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
