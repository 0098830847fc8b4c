package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/sluicecsv/sluice/ingest"
)

// A bar is a Reporter that draws on a terminal. What it shows is stored, not only read.
type bar struct {
	all    *mpb.Progress
	bar    *mpb.Bar
	latest ingest.Snapshot
}

const (
	refresh  = 100 * time.Millisecond
	barWidth = 20 // columns
)

func newBar(terminal io.Writer, title string) *bar {
	b := &bar{all: mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(refresh))}
	b.bar = b.all.New(0, mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound(""),
		mpb.BarWidth(barWidth),
		mpb.PrependDecorators(
			decor.Name(title+" "),
			decor.Any(func(decor.Statistics) string { return percent(b.latest.Status()) })),
		mpb.AppendDecorators(
			decor.Any(func(s decor.Statistics) string { return details(b.latest.Status(), s.AvailableWidth-barWidth) })))
	return b
}

// Report takes a snapshot; the bar is drawn by a goroutine of its own.
func (b *bar) Report(s ingest.Status) {
	b.latest.Report(s)
	if s.Size > 0 {
		b.bar.SetTotal(s.Size, false)
		b.bar.SetCurrent(min(s.Consumed, s.Size-1)) // with all of it the bar would end before the run has
	}
}

// remove takes the bar off the terminal.
func (b *bar) remove() {
	b.bar.Abort(true)
	b.all.Wait()
}

func percent(s ingest.Status) string {
	if p := s.Progress(); s.Found != nil && p >= 0 {
		return fmt.Sprintf("%3.0f %%", 100*p)
	}
	return ""
}

// details says, within so many columns, how a run is going.
func details(s ingest.Status, width int) string {
	if s.Found == nil {
		return "looking at it"
	}
	parts := []string{plural(s.Delivered, "row"), size(s.Rate) + "/s"}
	if s.ETA >= 0 {
		parts = append(parts, span(max(s.ETA, time.Second).Round(time.Second))+" left")
	}
	if s.Rejected > 0 {
		parts = append(parts, count(s.Rejected)+" rejected")
	}
	if s.Retries > 0 {
		parts = append(parts, count(s.Retries)+" tried again")
	}
	parts = append(parts, busy[s.Bottleneck])

	// What does not fit is left out. Some room stays for the ^C that a terminal shows.
	const slack = 6
	text := strings.Join(parts, "  ")
	for utf8.RuneCountInString(text) > width-slack && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		text = strings.Join(parts, "  ")
	}
	return text
}

// busy says which stage of a run the others wait for.
var busy = map[ingest.Stage]string{
	ingest.StageSource: "busy reading",
	ingest.StageParse:  "busy parsing",
	ingest.StageSink:   "busy storing",
}
