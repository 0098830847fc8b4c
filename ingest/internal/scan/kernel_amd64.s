//go:build !purego

#include "textflag.h"

// MASK sets the bits of a general register where the bytes of two YMM registers are all ones.
#define MASK(lo, hi, mask) \
	VPMOVMSKB lo, mask   \
	VPMOVMSKB hi, R9     \
	SHLQ      $32, R9    \
	ORQ       R9, mask

// FIND sets them where the 64 bytes in Y0 and Y1 are those of a needle.
#define FIND(needle, mask) \
	VPCMPEQB needle, Y0, Y2 \
	VPCMPEQB needle, Y1, Y3 \
	MASK(Y2, Y3, mask)

// WRITE fills the block at DI with the masks in AX, BX, DX and R8, and with that of odd bytes in R10, of which it takes those
// that are a delimiter, a line end or a CR; and goes on to the next one.
#define WRITE \
	MOVQ AX, 0(DI)   \
	MOVQ BX, 8(DI)   \
	MOVQ DX, 16(DI)  \
	MOVQ R8, 24(DI)  \
	ORQ  BX, AX      \
	ORQ  R8, AX      \
	NOTQ AX          \
	ANDQ AX, R10     \
	MOVQ R10, 32(DI) \
	ADDQ $64, SI     \
	ADDQ $40, DI

// func blocksAVX2(blocks *block, b *byte, count int, n needles)
//
// Needs AVX2. One step reads 64 bytes, which need not be aligned, and writes the 40 bytes of a block; nothing
// is read but these 64 * count bytes. Clobbers AX, BX, CX, DX, DI, SI, R8 to R10, Y0 to Y9 and the flags.
//
//	DI      the block         AX, BX, DX, R8  its masks
//	SI      its 64 bytes      R9              half a mask
//	CX      blocks to come    R10             the mask of odd bytes
//	Y0, Y1  the 64 bytes      Y2, Y3          what is asked of them
//	Y4-Y7   the needles       Y8, Y9          0xff and 0x21, 32 times
//
// A byte x is odd if x+1, as a signed byte, is below 0x21: from 0x7f on it has wrapped around.
TEXT ·blocksAVX2(SB), NOSPLIT, $0-28
	MOVQ         blocks+0(FP), DI
	MOVQ         b+8(FP), SI
	MOVQ         count+16(FP), CX
	VPBROADCASTB n_delim+24(FP), Y4
	VPBROADCASTB n_eol+25(FP), Y5
	VPBROADCASTB n_quote+26(FP), Y6
	VPBROADCASTB n_cr+27(FP), Y7
	VPCMPEQB     Y8, Y8, Y8
	MOVL         $0x21, AX
	VMOVD        AX, X9
	VPBROADCASTB X9, Y9

step:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	FIND(Y4, AX)
	FIND(Y5, BX)
	FIND(Y6, DX)
	FIND(Y7, R8)
	VPSUBB   Y8, Y0, Y2
	VPSUBB   Y8, Y1, Y3
	VPCMPGTB Y2, Y9, Y2
	VPCMPGTB Y3, Y9, Y3
	MASK(Y2, Y3, R10)
	WRITE
	DECQ     CX
	JNZ      step

	VZEROUPPER
	RET

// func blocksAVX512(blocks *block, b *byte, count int, n needles)
//
// Needs AVX512F and AVX512BW. One step does what that of blocksAVX2 does. Clobbers AX, BX, CX, DX, DI, SI, R8, R10,
// K1 to K5, Z0, Z1, Z4 to Z9 and the flags; they are what they are there, but Z0 are all the 64 bytes, and Z8 is 1,
// 64 times.
TEXT ·blocksAVX512(SB), NOSPLIT, $0-28
	MOVQ         blocks+0(FP), DI
	MOVQ         b+8(FP), SI
	MOVQ         count+16(FP), CX
	VPBROADCASTB n_delim+24(FP), Z4
	VPBROADCASTB n_eol+25(FP), Z5
	VPBROADCASTB n_quote+26(FP), Z6
	VPBROADCASTB n_cr+27(FP), Z7
	MOVL         $1, AX
	VPBROADCASTB AX, Z8
	MOVL         $0x21, AX
	VPBROADCASTB AX, Z9

step:
	VMOVDQU64 (SI), Z0
	VPCMPEQB  Z4, Z0, K1
	VPCMPEQB  Z5, Z0, K2
	VPCMPEQB  Z6, Z0, K3
	VPCMPEQB  Z7, Z0, K4
	VPADDB    Z8, Z0, Z1
	VPCMPB    $1, Z9, Z1, K5
	KMOVQ     K1, AX
	KMOVQ     K2, BX
	KMOVQ     K3, DX
	KMOVQ     K4, R8
	KMOVQ     K5, R10
	WRITE
	DECQ      CX
	JNZ       step

	VZEROUPPER
	RET

// Where the bytes of little-endian units are. Those of big-endian units have the lowest bit turned around.
DATA units<>+0(SB)/8, $0x0706050403020100
DATA units<>+8(SB)/8, $0x0f0e0d0c0b0a0908
GLOBL units<>(SB), RODATA|NOPTR, $16

// func unitsAVX2(dst, src *byte, count int, big bool)
//
// Needs AVX2. One step reads 64 bytes, which need not be aligned, and writes 32; nothing is read but these
// 64 * count bytes. Clobbers CX, DI, SI, Y0, Y1, Y4, Y5 and the flags.
//
//	DI      the 32 bytes      Y0, Y1  the units
//	SI      their units       Y4      0x00ff, 16 times
//	CX      steps to come     Y5      the order of bytes in units
//
// VPACKUSWB takes a word for a signed one, and would make zero of 0x8000: so the units are cut to 0xff before it. It
// packs each half of the registers by itself, which leaves the middle quarters crossed.
TEXT ·unitsAVX2(SB), NOSPLIT, $0-25
	MOVQ           dst+0(FP), DI
	MOVQ           src+8(FP), SI
	MOVQ           count+16(FP), CX
	VPCMPEQW       Y4, Y4, Y4
	VPSRLW         $8, Y4, Y4
	VPBROADCASTB   big+24(FP), Y5
	VBROADCASTI128 units<>(SB), Y0
	VPXOR          Y0, Y5, Y5

step:
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	VPSHUFB   Y5, Y0, Y0
	VPSHUFB   Y5, Y1, Y1
	VPMINUW   Y4, Y0, Y0
	VPMINUW   Y4, Y1, Y1
	VPACKUSWB Y1, Y0, Y0
	VPERMQ    $0xd8, Y0, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $64, SI
	ADDQ      $32, DI
	DECQ      CX
	JNZ       step

	VZEROUPPER
	RET
