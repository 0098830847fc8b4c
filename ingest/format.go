package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// signatures are the first bytes of files that people upload in place of delimited text. Those that are
// letters could be a cell: they count only where there is a byte near them that no text has.
var signatures = []struct {
	magic  string
	at     int // offset of magic
	format string
	advice string
}{
	{"%PDF-", 0, "PDF", exportAdvice},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an old Office document (XLS, DOC)", spreadsheetAdvice},
	{"\x89PNG\r\n\x1a\n", 0, "PNG", exportAdvice},
	{"\xff\xd8\xff", 0, "JPEG", exportAdvice},
	{"GIF87a", 0, "GIF", exportAdvice},
	{"GIF89a", 0, "GIF", exportAdvice},
	{"II*\x00", 0, "TIFF", exportAdvice},
	{"MM\x00*", 0, "TIFF", exportAdvice},
	{"WEBP", 8, "WebP", exportAdvice},
	{"ftyp", 4, "an MPEG-4 or HEIF file", exportAdvice},
	{`{\rtf`, 0, "RTF", exportAdvice},
	{"PAR1", 0, "Parquet", exportAdvice},
	{"Obj\x01", 0, "Avro", exportAdvice},
	{"ORC\x00", 0, "ORC", exportAdvice},
	{"ARROW1\x00\x00", 0, "Arrow", exportAdvice},
	{"SQLite format 3\x00", 0, "SQLite", exportAdvice},
	{"\x7fELF", 0, "a program", exportAdvice},
	{"\x28\xb5\x2f\xfd", 0, "zstd", unpackAdvice},
	{"\xfd7zXZ\x00", 0, "xz", unpackAdvice},
	{"7z\xbc\xaf\x27\x1c", 0, "7z", unpackAdvice},
	{"Rar!\x1a\x07", 0, "RAR", unpackAdvice},
	{"\x04\x22\x4d\x18", 0, "LZ4", unpackAdvice},
	{"\x1f\x9d", 0, "compress (.Z)", unpackAdvice},
	{"ustar", 257, "a tar archive", unpackAdvice},
}

const (
	spreadsheetAdvice = "open it in a spreadsheet program and save it as CSV"
	exportAdvice      = "export the table as CSV"
	unpackAdvice      = "unpack it first"
)

// officeFormats are members by which an archive is known to be a document.
var officeFormats = map[string]error{
	"xl/workbook.xml":      &FormatError{Format: "XLSX", Advice: spreadsheetAdvice},
	"xl/workbook.bin":      &FormatError{Format: "XLSB", Advice: spreadsheetAdvice},
	"word/document.xml":    &FormatError{Format: "DOCX", Advice: exportAdvice},
	"ppt/presentation.xml": &FormatError{Format: "PPTX", Advice: exportAdvice},
	"META-INF/manifest.xml": &FormatError{Format: "an OpenDocument file (ODS, ODT)",
		Advice: spreadsheetAdvice},
	"Index/Document.iwa":   &FormatError{Format: "Numbers or Pages", Advice: spreadsheetAdvice},
	"META-INF/MANIFEST.MF": &FormatError{Format: "a Java archive", Advice: exportAdvice},
}

// markup are the beginnings of markup, in lower case.
var markup = []struct{ tag, format string }{
	{"<!doctype html", "HTML"}, {"<html", "HTML"}, {"<head", "HTML"}, {"<body", "HTML"}, {"<table", "HTML"},
	{"<?xml", "XML"}, {"<svg", "SVG"},
}

// recognise says what a file is that is no text, by its first bytes; nil if it may be text.
func recognise(head []byte) error {
	binary := bytes.ContainsFunc(head, func(r rune) bool { return r < '\t' })
	for _, s := range signatures {
		cell := !strings.ContainsFunc(s.magic, func(r rune) bool { return r < ' ' || r > '~' || r == '%' || r == '{' })
		if len(head) >= s.at && bytes.HasPrefix(head[s.at:], []byte(s.magic)) && (binary || !cell) {
			return &FormatError{Format: s.format, Advice: s.advice}
		}
	}
	return nil
}

// recogniseText says what a text is that is no delimited one; nil if it may be.
func recogniseText(text []byte) error {
	text = bytes.TrimLeft(text, "\ufeff \t\r\n")
	start := strings.ToLower(string(text[:min(len(text), 32)]))
	for _, m := range markup {
		if rest, ok := strings.CutPrefix(start, m.tag); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n>/")) {
			return &FormatError{Format: m.format, Advice: "it may be an error page or a table saved as a web page; " + exportAdvice}
		}
	}
	switch {
	case isJSON(text):
		return &FormatError{Format: "JSON", Advice: exportAdvice}
	case isBinary(text):
		return &FormatError{Format: "binary data", Advice: exportAdvice}
	}
	return nil
}

// isJSON says that a text begins with an object or a list, and that these end it, its line, or go on
// beyond it.
func isJSON(text []byte) bool {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var value json.RawMessage
	switch err := d.Decode(&value); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case err != nil:
		return false
	}
	behind := bytes.TrimLeft(text[d.InputOffset():], " \t")
	return len(behind) == 0 || behind[0] == '\n' || behind[0] == '\r'
}

// isBinary says that a text is none: it has many control characters, of several kinds. One or two kinds may
// be delimiters, or come from a terminal.
func isBinary(text []byte) bool {
	var counts [' ']int
	for _, c := range text {
		if c < ' ' {
			counts[c]++
		}
	}
	n, kinds, nul := 0, 0, counts[0]
	for _, c := range "\x00\t\n\r" {
		counts[c] = 0
	}
	for _, c := range counts {
		n += c
		kinds += min(c, 1)
	}
	return kinds > 4 && n > len(text)/32 || nul > len(text)/2
}
