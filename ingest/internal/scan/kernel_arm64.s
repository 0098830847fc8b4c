//go:build !purego

#include "textflag.h"

// FOURS adds up every four bytes of V4 to V7, which are all ones or zero, each byte taken as one bit: its weight
// in V22. A pair of sums is then one byte of the mask.
#define FOURS(sums) \
	VAND  V22.B16, V4.B16, V4.B16   \
	VAND  V22.B16, V5.B16, V5.B16   \
	VAND  V22.B16, V6.B16, V6.B16   \
	VAND  V22.B16, V7.B16, V7.B16   \
	VADDP V5.B16, V4.B16, V4.B16    \
	VADDP V7.B16, V6.B16, V6.B16    \
	VADDP V6.B16, V4.B16, sums.B16

// FIND does it where the 64 bytes in V0 to V3 are those of a needle.
#define FIND(needle, sums) \
	VCMEQ needle.B16, V0.B16, V4.B16 \
	VCMEQ needle.B16, V1.B16, V5.B16 \
	VCMEQ needle.B16, V2.B16, V6.B16 \
	VCMEQ needle.B16, V3.B16, V7.B16 \
	FOURS(sums)

// ODD sets the bytes of a register where those of another one are below 0x20 or above 0x7e: where, less 0x20,
// they are at least 0x5f.
#define ODD(bytes, odd) \
	VSUB  V20.B16, bytes.B16, odd.B16 \
	VUMAX V21.B16, odd.B16, V8.B16    \
	VCMEQ V8.B16, odd.B16, odd.B16

// func blocksNEON(blocks *block, b *byte, count int, n needles)
//
// One step reads 64 bytes, which need not be aligned, and writes the 40 bytes of a block; nothing is read but
// these 64 * count bytes. Clobbers R0 to R3, V0 to V12, V16 to V22.
//
//	R0       the block         V4-V8    what is asked of the bytes
//	R1       its 64 bytes      V9-V12   sums, then masks
//	R2       blocks to come    V16-V19  the needles
//	V0-V3    the 64 bytes      V20-V22  0x20, 0x5f and the weights 1, 2, 4 to 128
TEXT ·blocksNEON(SB), NOSPLIT, $0-28
	MOVD  blocks+0(FP), R0
	MOVD  b+8(FP), R1
	MOVD  count+16(FP), R2
	MOVBU n_delim+24(FP), R3
	VDUP  R3, V16.B16
	MOVBU n_eol+25(FP), R3
	VDUP  R3, V17.B16
	MOVBU n_quote+26(FP), R3
	VDUP  R3, V18.B16
	MOVBU n_cr+27(FP), R3
	VDUP  R3, V19.B16
	MOVD  $0x20, R3
	VDUP  R3, V20.B16
	MOVD  $0x5f, R3
	VDUP  R3, V21.B16
	MOVD  $0x8040201008040201, R3
	VDUP  R3, V22.D2

step:
	VLD1.P  64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	FIND(V16, V9)
	FIND(V17, V10)
	VADDP   V10.B16, V9.B16, V9.B16   // delim, eol
	FIND(V18, V10)
	FIND(V19, V11)
	VADDP   V11.B16, V10.B16, V10.B16 // quote, cr
	VST1.P  [V9.B16, V10.B16], 32(R0)
	ODD(V0, V4)
	ODD(V1, V5)
	ODD(V2, V6)
	ODD(V3, V7)
	FOURS(V11)
	VADDP   V11.B16, V11.B16, V11.B16 // odd, but it may be delim, eol or cr
	VORR    V9.B16, V10.B16, V12.B16  // the upper half is eol or cr
	VDUP    V12.D[1], V12.D2
	VORR    V9.B16, V12.B16, V12.B16  // the lower half is delim, eol or cr
	VORR    V12.B16, V11.B16, V11.B16
	VEOR    V12.B16, V11.B16, V11.B16 // odd and none of them
	FMOVD.P F11, 8(R0)
	SUB     $1, R2
	CBNZ    R2, step
	RET

// NARROW loads 64 bytes, those at even places into V0 and V2, those at odd places into V1 and V3, and makes the lower
// bytes of the units 0xff where the upper ones are not zero.
#define NARROW(low0, high0, low1, high1) \
	VLD2.P 32(R1), [V0.B16, V1.B16]         \
	VLD2.P 32(R1), [V2.B16, V3.B16]         \
	VCMTST high0.B16, high0.B16, high0.B16  \
	VCMTST high1.B16, high1.B16, high1.B16  \
	VORR   high0.B16, low0.B16, V4.B16      \
	VORR   high1.B16, low1.B16, V5.B16      \
	VST1.P [V4.B16, V5.B16], 32(R0)

// func unitsNEON(dst, src *byte, count int, big bool)
//
// One step reads 64 bytes, which need not be aligned, and writes 32; nothing is read but these 64 * count bytes.
// Clobbers R0 to R3 and V0 to V5.
//
//	R0       the 32 bytes      V0-V3    the bytes of the units
//	R1       their units       V4, V5   what is written
//	R2       steps to come     R3       big
TEXT ·unitsNEON(SB), NOSPLIT, $0-25
	MOVD  dst+0(FP), R0
	MOVD  src+8(FP), R1
	MOVD  count+16(FP), R2
	MOVBU big+24(FP), R3
	CBNZ  R3, big

little:
	NARROW(V0, V1, V2, V3)
	SUB  $1, R2
	CBNZ R2, little
	RET

big:
	NARROW(V1, V0, V3, V2)
	SUB  $1, R2
	CBNZ R2, big
	RET
