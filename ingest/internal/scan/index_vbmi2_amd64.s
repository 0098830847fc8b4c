//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "index_amd64.h"

#define FIND    FIND_AVX512
#define NEEDLES NEEDLES_AVX512

// The fused kernel for AVX-512 with VBMI2: see index_amd64.h. It writes up to 64 pairs, of a field's end and the start of
// the one behind it, and up to 64 ends of rows; both 16 at a time, so that what is behind the last one of them is not what it
// was. No turn begins with less than the room that Grow makes.
//
// Beside what FIND and X15 need there is
//
//	K1	byte 0 of each word of 32 bits
//	X14	in word 0: the flag of a quoted field, and 1
//	Z22	the bytes 0 to 63
//	Z23	the bytes 1 to 64
//	Z24-Z25	each of the bytes 0 to 7, and 8 to 15, in all bytes of two words
//	Z26	pairs of the block's offset and that plus 1
//	Z27	64 in all words
//	Z28	pairs of -1 and what makes the start of a quoted field of one that is not: 1, and the flag
//	Z29	pairs of -1 and 0
//	Z30	pairs of the bits of an end, which are a place and the flag of an escaped field, and of a start: a place
//	Z31	0x80 in all bytes
//
// Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K1 to K6, Z0 to Z6, Z14 to Z31 and the flags.

DATA bytes<>+0(SB)/8, $0x0706050403020100
DATA bytes<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA bytes<>+16(SB)/8, $0x1716151413121110
DATA bytes<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA bytes<>+32(SB)/8, $0x2726252423222120
DATA bytes<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA bytes<>+48(SB)/8, $0x3736353433323130
DATA bytes<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL bytes<>(SB), RODATA|NOPTR, $64

// The words that are ends, and those that are starts, in pairs.
DATA ends<>(SB)/8, $0x5555555555555555
GLOBL ends<>(SB), RODATA|NOPTR, $8
DATA starts<>(SB)/8, $0xaaaaaaaaaaaaaaaa
GLOBL starts<>(SB), RODATA|NOPTR, $8

// NOTE clobbers R8.
#define NOTE \
	VMOVD   X26, OddBlock_At(BP)   \
	MOVQ    BX, OddBlock_Odd(BP)   \
	LEAQ    OddBlock__size(BP), R8 \
	CMOVQNE R8, BP

// PAIRS makes pairs, in Z3 and Z4, of the first 16 bytes of Z2, which are places in the block.
#define PAIRS \
	VPERMB.Z Z2, Z24, K1, Z3 \
	VPERMB.Z Z2, Z25, K1, Z4 \
	VPADDD   Z26, Z3, Z3     \
	VPADDD   Z26, Z4, Z4

// FLAGGED does the same where bit 7 of such a byte is the flag of the end.
#define FLAGGED \
	VPERMB Z2, Z24, Z3 \
	VPERMB Z2, Z25, Z4 \
	VPANDD Z30, Z3, Z3 \
	VPANDD Z30, Z4, Z4 \
	VPADDD Z26, Z3, Z3 \
	VPADDD Z26, Z4, Z4

// ADJUST adds the words of a register to those of the pairs whose bits are set in BX.
#define ADJUST(words) \
	KMOVQ  BX, K2            \
	VPADDD words, Z3, K2, Z3 \
	SHRQ   $16, BX           \
	KMOVQ  BX, K2            \
	VPADDD words, Z4, K2, Z4

// QUOTED takes masks of bytes, the separators in CX, those of them that end a row in R9, those with a quoted field behind
// them in R15, and those behind a quote or a CR in R10. It leaves masks in which a bit stands for a separator in R11, R15 and
// R10, their number in CX, and adjusts the first 16 pairs. Clobbers R8.
#define QUOTED \
	PEXTQ   CX, R15, R15           \
	PEXTQ   CX, R10, R10           \
	PEXTQ   CX, R9, R11            \
	POPCNTQ CX, CX                 \
	PDEPQ   starts<>(SB), R15, BX  \
	PDEPQ   ends<>(SB), R10, R8    \
	ORQ     R8, BX                 \
	ADJUST(Z28)

#define START \
	MOVQ         BX, CX                  \
	INCQ         CX                      \
	SHLQ         $32, CX                 \
	ORQ          CX, BX                  \
	VPBROADCASTQ BX, Z26                 \
	VMOVDQU64    bytes<>(SB), Z22        \
	VPADDB       Z20, Z22, Z23           \
	MOVQ         $0x1111111111111111, BX \
	KMOVQ        BX, K1                  \
	VPMOVZXBQ    X22, Z24                \
	VPSLLQ       $8, Z24, Z0             \
	VPORQ        Z0, Z24, Z24            \
	VPSLLQ       $16, Z24, Z0            \
	VPORQ        Z0, Z24, Z24            \
	VPSLLQ       $32, Z24, Z0            \
	VPORQ        Z0, Z24, Z24            \
	MOVL         $8, BX                  \
	VPBROADCASTB BX, Z25                 \
	VPADDB       Z25, Z24, Z25           \
	MOVL         $64, BX                 \
	VPBROADCASTD BX, Z27                 \
	MOVQ         $0x80000001ffffffff, BX \
	VPBROADCASTQ BX, Z28                 \
	MOVQ         $0x00000000ffffffff, BX \
	VPBROADCASTQ BX, Z29                 \
	MOVQ         $0x0000003f8000003f, BX \
	VPBROADCASTQ BX, Z30                 \
	MOVL         $0x80, BX               \
	VPBROADCASTB BX, Z31                 \
	MOVL         $0x80000001, BX         \
	VMOVD        BX, X14

// TAKE_PLAIN has, from rows on, a mask in R11 in which a bit stands for a separator, and is set if a row ends there; how many
// separators there are is in CX. There is no branch for whether there is a line end: where rows are about as long as a block, it
// would be missed as often as not.
#define TAKE_PLAIN \
	KMOVQ         CX, K2          \
	VPCOMPRESSB.Z Z22, K2, Z2     \
	PAIRS                         \
	VMOVDQU32     Z3, (DI)        \
	VMOVDQU32     Z4, 64(DI)      \
	PEXTQ         CX, R9, R11     \
	POPCNTQ       CX, CX          \
	CMPQ          CX, $16         \
	JHI           manyFields      \
rows:                                 \
	LEAQ          (DI)(CX*8), DI  \
	KMOVQ         R11, K2         \
	VPCOMPRESSB.Z Z23, K2, Z5     \
	VPMOVZXBD     X5, Z4          \
	VPADDD.BCST   FOUND, Z4, Z4   \
	VMOVDQU32     Z4, (DX)        \
	POPCNTQ       R11, R11        \
	CMPQ          R11, $16        \
	JHI           manyRows        \
counted:                              \
	ADDQ          CX, FOUND       \
	LEAQ          (DX)(R11*4), DX

#define BEGINS \
	MOVQ   R15, BX        \
	ANDQ   R8, BX         \
	KMOVQ  BX, K2         \
	VPADDD X14, X26, X2   \
	VMOVSS X2, K2, -4(DI)

#define TAKE_QUOTED \
	KMOVQ         CX, K2      \
	VPCOMPRESSB.Z Z22, K2, Z2 \
	PAIRS                     \
	QUOTED                    \
	VMOVDQU32     Z3, (DI)    \
	VMOVDQU32     Z4, 64(DI)  \
	CMPQ          CX, $16     \
	JLS           rows        \
	JMP           manyQuoted

#define NEXT \
	ADDQ   $64, SI       \
	VPADDD Z27, Z26, Z26

// func indexVBMI2(c *cursor)
//
// Needs AVX512F, -BW, -DQ, -VL, -VBMI and -VBMI2, BMI1, BMI2, LZCNT, POPCNT and PCLMULQDQ.
TEXT ·indexVBMI2(SB), NOSPLIT, $104-8
	MOVQ c+0(FP), AX
#include "index_body_amd64.h"

rare:
	// What is rare in most tables is all about in others. So this way is taken from the first such end on.
	MOVQ          BX, RARE
	ORQ           R14, cursor_escapes(AX)
	KMOVQ         CX, K2
	KMOVQ         R14, K3
	VMOVDQA64     Z22, Z2
	VPADDB        Z31, Z2, K3, Z2
	VPCOMPRESSB.Z Z2, K2, Z2
	FLAGGED
	PEXTQ         CX, R8, R14
	QUOTED
	PDEPQ         ends<>(SB), R14, BX
	ADJUST(Z29)
	VMOVDQU32     Z3, (DI)
	VMOVDQU32     Z4, 64(DI)
	CMPQ          CX, $16
	JLS           rows

manyQuoted:
	// R14 and the flags in Z2 are 0 where nothing rare has been found.
	MOVQ DI, R8
	MOVQ CX, R9

moreQuoted:
	VALIGNQ   $2, Z2, Z2, Z2
	FLAGGED
	SHRQ      $16, R15
	PDEPQ     starts<>(SB), R15, BX
	ADJUST(Z28)
	SHRQ      $16, R10
	PDEPQ     ends<>(SB), R10, BX
	ADJUST(Z29)
	SHRQ      $16, R14
	PDEPQ     ends<>(SB), R14, BX
	ADJUST(Z29)
	VMOVDQU32 Z3, 128(R8)
	VMOVDQU32 Z4, 192(R8)
	ADDQ      $128, R8
	SUBQ      $16, R9
	CMPQ      R9, $16
	JHI       moreQuoted
	JMP       rows

manyFields:
	MOVQ DI, R8
	MOVQ CX, R9

morePairs:
	VALIGNQ   $2, Z2, Z2, Z2
	PAIRS
	VMOVDQU32 Z3, 128(R8)
	VMOVDQU32 Z4, 192(R8)
	ADDQ      $128, R8
	SUBQ      $16, R9
	CMPQ      R9, $16
	JHI       morePairs
	JMP       rows

manyRows:
	MOVQ DX, R8
	MOVQ R11, R9

moreRows:
	VALIGNQ     $2, Z5, Z5, Z5
	VPMOVZXBD   X5, Z4
	VPADDD.BCST FOUND, Z4, Z4
	VMOVDQU32   Z4, 64(R8)
	ADDQ        $64, R8
	SUBQ        $16, R9
	CMPQ        R9, $16
	JHI         moreRows
	JMP         counted
