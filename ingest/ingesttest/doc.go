// Package ingesttest helps to test what is built on package ingest. It needs the standard library only.
//
//   - [Exam] asks a sink everything the contract of [ingest.Sink] and [ingest.Writer] promises.
//   - [Crash] kills the processes in which a sink loads files, and counts what is stored.
//   - [NewBatch] makes a batch for a test of a Write method, [NewWindow] one with an entry for a ledger.
//   - [Recorder], [RejectRecorder] and [StatusRecorder] keep what a run hands out.
//   - [Chunks], [OneByte], [Dribble], [Break] and [Stall] are sources that give trouble.
//
// Wherever the package takes or gives fields as strings, [Null] stands for a field without a value, so
// that it can be told from an empty one.
package ingesttest

// Null stands for a field that has no value, in what NewBatch takes, in what a Recorder gives and in what
// a Subject reads back. The empty string is a value: an empty quoted field.
const Null = "\x00null"
