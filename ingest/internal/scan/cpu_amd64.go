//go:build !purego

package scan

import (
	"os"
	"runtime"
	"strings"
)

// An x86 says which instructions may be used: the CPU has them, and the operating system keeps the registers
// they need when it switches threads. Each of them is never there without the one before.
type x86 struct {
	hasAVX2   bool // and BMI1, LZCNT, POPCNT and PCLMULQDQ
	hasAVX512 bool // and AVX512F, -BW, -DQ and -VL
	hasVBMI2  bool // and AVX512VBMI, -VBMI2 and BMI2
}

// cpu is what this process may use.
var cpu = detect().without(os.Getenv("GODEBUG"))

// detect asks the CPU. The bits are those of the Intel 64 and IA-32 Architectures Software Developer's Manual:
// volume 2, CPUID, for the leaves 1, 7 and 0x80000001, and volume 1, section 13.3, for the register XCR0.
func detect() (c x86) {
	const (
		pclmulqdq = 1 << 1 // ECX of leaf 1
		popcnt    = 1 << 23
		osxsave   = 1 << 27

		bmi1 = 1 << 3 // EBX of leaf 7
		avx2 = 1 << 5
		bmi2 = 1 << 8
		f    = 1 << 16
		dq   = 1 << 17
		bw   = 1 << 30
		vl   = 1 << 31

		vbmi  = 1 << 1 // ECX of leaf 7
		vbmi2 = 1 << 6

		extended = 0x80000001
		lzcnt    = 1 << 5 // ECX of leaf extended

		ymm = 1<<1 | 1<<2              // XCR0: XMM and the upper halves of YMM
		zmm = ymm | 1<<5 | 1<<6 | 1<<7 // the mask registers, the upper halves of ZMM, and ZMM16 to ZMM31
	)
	has := func(register, bits uint32) bool { return register&bits == bits }

	if last, _, _, _ := cpuid(0, 0); last < 7 {
		return c
	}
	_, _, ecx1, _ := cpuid(1, 0)
	_, ebx7, ecx7, _ := cpuid(7, 0)
	var ecxExtended, xcr0 uint32
	if last, _, _, _ := cpuid(0x80000000, 0); last >= extended {
		_, _, ecxExtended, _ = cpuid(extended, 0)
	}
	if has(ecx1, osxsave) {
		xcr0 = xgetbv()
	}
	c.hasAVX2 = has(xcr0, ymm) && has(ebx7, avx2|bmi1) && has(ecxExtended, lzcnt) && has(ecx1, popcnt|pclmulqdq)
	// On macOS XCR0 tells nothing of AVX-512, and a signal could change the mask registers: see
	// https://go.dev/issue/49233.
	c.hasAVX512 = c.hasAVX2 && has(xcr0, zmm) && has(ebx7, f|dq|bw|vl) && runtime.GOOS != "darwin"
	c.hasVBMI2 = c.hasAVX512 && has(ecx7, vbmi|vbmi2) && has(ebx7, bmi2)
	return c
}

// without leaves out what the environment variable GODEBUG switches off. The names are those of the Go runtime
// (cpu.avx2=off) and of golang.org/x/sys/cpu (cpu.avx512vbmi2=off), and cpu.lzcnt.
func (c x86) without(godebug string) x86 {
	on := func(names ...string) bool {
		for _, name := range names {
			if switchedOff(godebug, name) {
				return false
			}
		}
		return true
	}
	c.hasAVX2 = c.hasAVX2 && on("avx2", "bmi1", "lzcnt", "popcnt", "pclmulqdq")
	c.hasAVX512 = c.hasAVX512 && c.hasAVX2 && on("avx512", "avx512f", "avx512bw", "avx512dq", "avx512vl")
	c.hasVBMI2 = c.hasVBMI2 && c.hasAVX512 && on("avx512vbmi", "avx512vbmi2", "bmi2")
	return c
}

// switchedOff says whether GODEBUG switches off what has that name. The last word counts, whether it is on it
// or on all.
func switchedOff(godebug, name string) (off bool) {
	for word := range strings.SplitSeq(godebug, ",") {
		switch word {
		case "cpu.all=off", "cpu." + name + "=off":
			off = true
		case "cpu.all=on", "cpu." + name + "=on":
			off = false
		}
	}
	return off
}

// cpuid runs CPUID with a leaf in EAX and a subleaf in ECX.
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv gives the lower half of the register XCR0. It faults where the operating system has not set OSXSAVE.
func xgetbv() (xcr0 uint32)
