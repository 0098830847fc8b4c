//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The fused kernel: what indexMasks and countMasks do, with no masks written in between.
//
// A turn of a loop reads the 64 bytes at SI, which need not be aligned, and nothing beyond them. It writes up to
// 64 pairs, of a field's end and the start of the one behind it, and up to 64 ends of rows; both 16 at a time, so
// that what is behind the last one of them is not what it was. No turn begins with less than the room that Grow makes.
//
// There are two loops, plain and quotes. The one for quotes gives the same for a block without any, only not as
// fast: where quotes are in every second block or so, to choose anew for each would be to choose wrongly for many,
// which takes about as long as a block does. So it is left only behind some blocks in a row that had no need of it.
//
//	AX	*cursor
//	SI	the block in hand
//	DI	fields[n].end
//	DX	ends[row]
//	BP	odds[noted]
//	R13	state.inside
//	R12	the last place where SI is for the loop for quotes
//
//	K1	byte 0 of each word of 32 bits
//	X14	in word 0: the flag of a quoted field, and 1
//	X15	all ones
//	Z16-Z19	delim, eol, quote, cr in all bytes
//	Z20-Z21	1 and 0x21 in all bytes: a byte x is odd if x+1, as a signed byte, is below 0x21
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
// Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K1 to K6, Z0 to Z6, Z14 to Z31 and the flags. Go does not expect any of
// them to be kept, not even R14 and X15: it sets these two again behind assembly. BP it does, and the assembler sees to that
// where there is a frame.

// What is on the stack. Of what is of the block before only bit 63 counts.
#define SEPARATORS 0(SP)  // of the block before
#define CLOSING    8(SP)  // of the block before: quotes
#define CLOSED_CRS 16(SP) // of the block before: CRs behind them
#define CRS        24(SP) // of the block before
#define ESCAPED    32(SP) // of the block before: the field behind its last separator
#define LINE_ENDS  40(SP) // inside quotes or not
#define LAST_BLOCK 48(SP) // the last place where one may begin
#define LAST_FIELD 56(SP) // the last place where DI may be at the beginning of a turn
#define LAST_ROW   64(SP) // the same for DX
#define OPENING    72(SP) // quotes
#define FOUND      80(SP) // fields: n
#define RARE       88(SP) // not 0: ends have been found that take more than a 1 off
#define WITH_CRS   96(SP) // the last place where SI is for blocks that are taken as if there were CRs

// How many blocks without quotes, nor what they leave, are taken by the loop for them before it is left: behind the
// first block with some, and behind a further one. Tables with few quotes want one, those with many want five.
#define FEW  1
#define MANY 5

// How many blocks are taken as if there were CRs, from one with some on: it costs less than to choose anew for each.
#define SINCE_CR 64

#define LESS $1 // of VPCMPB: as signed bytes

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

// NEEDLES loads what FIND needs, and X15.
#define NEEDLES \
	VPBROADCASTB (cursor_quick+quick_needles+needles_delim)(AX), Z16 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_eol)(AX), Z17   \
	VPBROADCASTB (cursor_quick+quick_needles+needles_quote)(AX), Z18 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_cr)(AX), Z19    \
	MOVL         $1, BX                                              \
	VPBROADCASTB BX, Z20                                             \
	MOVL         $0x21, BX                                           \
	VPBROADCASTB BX, Z21                                             \
	VPCMPEQD     X15, X15, X15

// TAKE takes up a part of the state of the block before, and LEAVE leaves it.
#define TAKE(part, slot) \
	MOVQ (cursor_state+part)(AX), BX \
	SHLQ $63, BX                     \
	MOVQ BX, slot

#define LEAVE(part, slot) \
	MOVQ slot, BX                    \
	SHRQ $63, BX                     \
	MOVQ BX, (cursor_state+part)(AX)

// STATE takes up the state of the block before. R12, and the flags, say whether it leaves something that is not
// plain. SAVE leaves it, with a cursor behind the block at SI.
#define STATE \
	MOVQ $0, WITH_CRS                         \
	TAKE(state_begin, SEPARATORS)             \
	TAKE(state_escaped, ESCAPED)              \
	TAKE(state_closed, CLOSING)               \
	MOVQ BX, R12                              \
	TAKE(state_closedCR, CLOSED_CRS)          \
	ORQ  BX, R12                              \
	TAKE(state_cr, CRS)                       \
	ORQ  BX, R12                              \
	MOVQ (cursor_state+state_inside)(AX), R13 \
	ORQ  R13, R12

#define SAVE \
	SUBQ cursor_b(AX), SI                     \
	MOVQ SI, cursor_at(AX)                    \
	LEAVE(state_begin, SEPARATORS)            \
	LEAVE(state_escaped, ESCAPED)             \
	LEAVE(state_closed, CLOSING)              \
	LEAVE(state_closedCR, CLOSED_CRS)         \
	LEAVE(state_cr, CRS)                      \
	MOVQ R13, (cursor_state+state_inside)(AX) \
	VZEROUPPER

// FIND loads the block at SI and gives line ends in R9, these and delimiters in CX, quotes in R10 and CRs in R11,
// where these mean something. Odd bytes are in BX, and the zero flag says that there are none: a CR that means nothing is a
// line end.
#define FIND \
	VMOVDQU64 (SI), Z0                             \
	VPCMPEQB  Z16, Z0, K2                          \
	VPCMPEQB  Z17, Z0, K3                          \
	VPCMPEQB  Z18, Z0, K4                          \
	VPCMPEQB  Z19, Z0, K5                          \
	VPADDB    Z20, Z0, Z1                          \
	VPCMPB    LESS, Z21, Z1, K6                    \
	KMOVQ     K2, CX                               \
	KMOVQ     K3, R9                               \
	KMOVQ     K4, R10                              \
	KMOVQ     K5, R11                              \
	KMOVQ     K6, BX                               \
	ORQ       R9, CX                               \
	ANDQ      (cursor_quick+quick_quotes)(AX), R10 \
	ANDQ      (cursor_quick+quick_crs)(AX), R11    \
	ANDNQ     BX, CX, BX                           \
	ANDNQ     BX, R11, BX

// NOTE is the method note, for what FIND gives. Clobbers R8.
#define NOTE \
	VMOVD   X26, OddBlock_At(BP)   \
	MOVQ    BX, OddBlock_Odd(BP)   \
	LEAQ    OddBlock__size(BP), R8 \
	CMOVQNE R8, BP

// QUOTES is true if FIND has found a quote or a CR: where there is none, a block that is taken as plain stays so.
#define QUOTES \
	MOVQ R10, BX \
	ORQ  R11, BX

// STAY puts off the end of the loop for quotes if they are in the block, or it begins inside of them: if not, it
// leaves nothing that is not plain.
#define STAY \
	QUOTES                    \
	ORQ     R13, BX           \
	LEAQ    (64*MANY)(SI), R8 \
	CMOVQNE R8, R12

// NO_CRS leaves the way without CRs where one is in the block, or before it, or was in one of those before.
#define NO_CRS \
	CMPQ SI, WITH_CRS \
	JLS  withCRs      \
	MOVQ CRS, BX      \
	SHRQ $63, BX      \
	ORQ  R11, BX      \
	JNE  firstCR

// INSIDE and STEP are the method step. INSIDE takes what FIND gives. It leaves separators in CX and those that are
// line ends in R9, all line ends in LINE_ENDS, opening quotes in R8 and closing ones in R10, and in R15 where a field
// begins.
#define INSIDE \
	VMOVQ      R10, X6               \
	VPCLMULQDQ $0, X15, X6, X6       \
	MOVQ       R9, LINE_ENDS         \
	MOVQ       R9, R14               \
	VMOVQ      X6, BX                \
	XORQ       R13, BX               \
	MOVQ       BX, R13               \
	SARQ       $63, R13              \
	ANDQ       BX, R14               \
	ORQ        R14, cursor_inner(AX) \
	ANDNQ      CX, BX, CX            \
	ANDNQ      R9, BX, R9            \
	MOVQ       R10, R8               \
	ANDQ       BX, R8                \
	ANDNQ      R10, BX, R10          \
	MOVQ       SEPARATORS, BX        \
	MOVQ       CX, SEPARATORS        \
	MOVQ       CX, R15               \
	SHLQ       $1, BX, R15

// STEP takes what INSIDE gives. It leaves what is irregular in R15, and of the separators in R10 those behind a
// closing quote, in R11 those behind a CR, and in R14 those of fields with doubled quotes. CLOSED, DOUBLED and ESCAPES
// are its steps that are taken without CRs, too.
#define STEP \
	CLOSED                                                                 \
	DOUBLED                                                                \
	MOVQ  R10, R8                                                          \
	ANDQ  R11, R8    /* closedCR */                                        \
	MOVQ  CX, R14                                                          \
	ORQ   BX, R14                                                          \
	ORQ   R8, R14                                                          \
	ANDNQ R10, R14, R14                                                    \
	ORQ   R14, R15   /* a closing quote not at the end */                  \
	ESCAPES                                                                \
	MOVQ  CLOSED_CRS, BX                                                   \
	MOVQ  R8, CLOSED_CRS                                                   \
	SHLQ  $1, BX, R8 /* behindCR */                                        \
	ORQ   R8, R10                                                          \
	ANDQ  CX, R10    /* shut */                                            \
	MOVQ  CRS, BX                                                          \
	MOVQ  R11, CRS                                                         \
	SHLQ  $1, BX, R11                                                      \
	MOVQ  LINE_ENDS, BX                                                    \
	ANDNQ R11, BX, BX                                                      \
	ORQ   (cursor_quick+quick_loneCR)(AX), R8                              \
	ANDQ  BX, R8                                                           \
	ORQ   R8, R15    /* a CR behind it, or of its own, with no line end */ \
	ANDQ  R9, R11    /* crlf */

// CLOSED makes of the closing quotes in R10 what stands behind them.
#define CLOSED \
	MOVQ CLOSING, BX  \
	MOVQ R10, CLOSING \
	SHLQ $1, BX, R10

// DOUBLED gives the second halves of doubled quotes in BX, and in R15 the opening quotes that are neither these nor at the
// beginning of a field.
#define DOUBLED \
	MOVQ  R8, BX                               \
	ANDQ  R10, BX                              \
	ANDQ  (cursor_quick+quick_doubled)(AX), BX \
	ORQ   BX, R15                              \
	ANDNQ R8, R15, R15

// SHUT adds to R15 what stands behind a closing quote where there are no CRs: neither a separator, nor the second half of a
// doubled quote.
#define SHUT \
	MOVQ  CX, R14       \
	ORQ   BX, R14       \
	ANDNQ R10, R14, R14 \
	ORQ   R14, R15

// ESCAPES takes BX as DOUBLED gives it, and gives R14 as STEP does.
#define ESCAPES \
	MOVQ CX, R14                                            \
	NOTQ R14                                                \
	BTQ  $63, ESCAPED /* sets the carry if there is one */  \
	ADCQ BX, R14                                            \
	SBBQ BX, BX                                             \
	MOVQ BX, ESCAPED                                        \
	ANDQ CX, R14

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

// FITS leaves the loops where there is no whole block, or no room for what may be in it.
#define FITS \
	CMPQ SI, LAST_BLOCK \
	JHI  done           \
	CMPQ DI, LAST_FIELD \
	JHI  done           \
	CMPQ DX, LAST_ROW   \
	JHI  done

// func indexVBMI2(c *cursor)
//
// Needs AVX512F, -BW, -DQ, -VL, -VBMI and -VBMI2, BMI1, BMI2, LZCNT, POPCNT and PCLMULQDQ. There is no branch for
// whether a block has a line end: where rows are about as long as a block, it would be missed as often as not.
TEXT ·indexVBMI2(SB), NOSPLIT, $104-8
	MOVQ c+0(FP), AX

	NEEDLES

	VMOVDQU64    bytes<>(SB), Z22
	VPADDB       Z20, Z22, Z23
	MOVQ         $0x1111111111111111, BX
	KMOVQ        BX, K1
	VPMOVZXBQ    X22, Z24
	VPSLLQ       $8, Z24, Z0
	VPORQ        Z0, Z24, Z24
	VPSLLQ       $16, Z24, Z0
	VPORQ        Z0, Z24, Z24
	VPSLLQ       $32, Z24, Z0
	VPORQ        Z0, Z24, Z24
	MOVL         $8, BX
	VPBROADCASTB BX, Z25
	VPADDB       Z25, Z24, Z25
	MOVL         $64, BX
	VPBROADCASTD BX, Z27
	MOVQ         $0x80000001ffffffff, BX
	VPBROADCASTQ BX, Z28
	MOVQ         $0x00000000ffffffff, BX
	VPBROADCASTQ BX, Z29
	MOVQ         $0x0000003f8000003f, BX
	VPBROADCASTQ BX, Z30
	MOVL         $0x80, BX
	VPBROADCASTB BX, Z31
	MOVL         $0x80000001, BX
	VMOVD        BX, X14

	MOVQ         cursor_b(AX), SI
	MOVQ         (cursor_b+8)(AX), BX
	LEAQ         -64(SI)(BX*1), BX
	MOVQ         BX, LAST_BLOCK
	MOVQ         cursor_at(AX), BX
	ADDQ         BX, SI
	MOVQ         BX, CX
	INCQ         CX
	SHLQ         $32, CX
	ORQ          CX, BX
	VPBROADCASTQ BX, Z26

	MOVQ cursor_fields(AX), CX
	MOVQ cursor_n(AX), BX
	MOVQ BX, FOUND
	LEAQ 4(CX)(BX*8), DI
	MOVQ (cursor_fields+8)(AX), BX
	LEAQ (-8*const_room)(CX)(BX*8), BX
	MOVQ BX, LAST_FIELD

	MOVQ cursor_ends(AX), CX
	MOVQ cursor_row(AX), BX
	LEAQ (CX)(BX*4), DX
	MOVQ (cursor_ends+8)(AX), BX
	LEAQ (-4*const_room)(CX)(BX*4), BX
	MOVQ BX, LAST_ROW

	MOVQ cursor_noted(AX), BP
	SHLQ $4, BP
	ADDQ cursor_odds(AX), BP

	MOVQ $0, RARE
	STATE
	MOVQ SI, R12
	JNE  quotes
	XORL R12, R12

plain:
	FITS
	FIND
	NOTE
	QUOTES
	JNE first

	// CX are the separators, R9 those that are line ends.
	MOVQ          CX, SEPARATORS
	KMOVQ         CX, K2
	VPCOMPRESSB.Z Z22, K2, Z2
	PAIRS
	VMOVDQU32     Z3, (DI)
	VMOVDQU32     Z4, 64(DI)
	PEXTQ         CX, R9, R11
	POPCNTQ       CX, CX
	CMPQ          CX, $16
	JHI           manyFields

rows:
	// R11 says which of the fields end a row, CX is how many there are.
	LEAQ          (DI)(CX*8), DI
	KMOVQ         R11, K2
	VPCOMPRESSB.Z Z23, K2, Z5
	VPMOVZXBD     X5, Z4
	VPADDD.BCST   FOUND, Z4, Z4
	VMOVDQU32     Z4, (DX)
	POPCNTQ       R11, R11
	CMPQ          R11, $16
	JHI           manyRows

counted:
	ADDQ   CX, FOUND
	LEAQ   (DX)(R11*4), DX
	ADDQ   $64, SI
	VPADDD Z27, Z26, Z26
	CMPQ   SI, R12
	JHI    plain

quotes:
	FITS
	FIND
	NOTE
	STAY

general:
	INSIDE

	// The last separator of the block before did not see the quote behind it.
	MOVQ   R15, BX
	ANDQ   R8, BX
	KMOVQ  BX, K2
	VPADDD X14, X26, X2
	VMOVSS X2, K2, -4(DI)

	NO_CRS

	// There are no CRs. Nor is there a doubled quote, as a rule: all quotes stand beside separators then.
	CLOSED
	MOVQ  RARE, BX
	ORQ   ESCAPED, BX
	ANDNQ R10, CX, R14
	ORQ   R14, BX
	ANDNQ R8, R15, R14
	ORQ   R14, BX
	JNE   doubled
	MOVQ  R8, R15
	SHRQ  $1, R15
	XORL  R14, R14
	KMOVQ CX, K2

usual:
	// From here on a bit stands for a separator.
	VPCOMPRESSB.Z Z22, K2, Z2
	PAIRS
	QUOTED
	VMOVDQU32     Z3, (DI)
	VMOVDQU32     Z4, 64(DI)
	CMPQ          CX, $16
	JLS           rows
	JMP           manyQuoted

doubled:
	MOVQ  R8, OPENING
	DOUBLED
	SHUT
	ESCAPES
	TESTQ R15, R15
	JNE   irregular
	JMP   regular

firstCR:
	LEAQ (64*SINCE_CR)(SI), BX
	MOVQ BX, WITH_CRS

withCRs:
	MOVQ R8, OPENING
	STEP
	TESTQ R15, R15
	JNE   irregular

regular:
	MOVQ  OPENING, R15
	SHRQ  $1, R15
	MOVQ  R10, R8
	ANDQ  R11, R8  // a CR and a quote before it
	ORQ   R11, R10 // or one of them
	MOVQ  R8, BX
	ORQ   R14, BX
	KMOVQ CX, K2
	ORQ   RARE, BX
	JEQ   usual
	JMP   rare

done:
	MOVQ FOUND, BX
	MOVQ BX, cursor_n(AX)
	SUBQ cursor_ends(AX), DX
	SHRQ $2, DX
	MOVQ DX, cursor_row(AX)
	SUBQ cursor_odds(AX), BP
	SHRQ $4, BP
	MOVQ BP, cursor_noted(AX)
	SAVE
	RET

first:
	LEAQ (64*FEW)(SI), R12
	JMP  general

irregular:
	// Nothing behind it counts, and there is no further turn.
	MOVQ  R15, cursor_irregular(AX)
	MOVQ  $0, LAST_BLOCK
	BLSIQ R15, R15
	DECQ  R15
	ANDQ  R15, CX
	ANDQ  R15, R9
	JMP   regular

rare:
	// What is rare in most tables is all about in others. So this way is taken from the first such end on.
	MOVQ          BX, RARE
	ORQ           R14, cursor_escapes(AX)
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

// func countVBMI2(c *cursor)
//
// Needs what indexVBMI2 does, and keeps the same in the same registers, but for two:
//
//	DI	behind the last row
//	DX	how many rows there are
//
// Nothing is written but to the cursor. Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K2 to K6, Z0, Z1, X6, Z15 to Z21
// and the flags.
TEXT ·countVBMI2(SB), NOSPLIT, $104-8
	MOVQ c+0(FP), AX
	NEEDLES

	MOVQ cursor_b(AX), SI
	MOVQ (cursor_b+8)(AX), BX
	LEAQ -64(SI)(BX*1), BX
	MOVQ BX, LAST_BLOCK
	ADDQ cursor_at(AX), SI
	MOVQ cursor_end(AX), DI
	ADDQ cursor_b(AX), DI
	MOVQ cursor_row(AX), DX
	STATE
	MOVQ SI, R12
	JNE  quotes
	XORL R12, R12

plain:
	CMPQ SI, LAST_BLOCK
	JHI  done
	FIND
	ORQ  BX, cursor_odd(AX)
	QUOTES
	JNE  first
	MOVQ CX, SEPARATORS

rows:
	ADDQ    $64, SI
	POPCNTQ R9, CX
	ADDQ    CX, DX
	LZCNTQ  R9, CX
	MOVQ    SI, BX
	SUBQ    CX, BX
	TESTQ   R9, R9
	CMOVQNE BX, DI
	CMPQ    SI, R12
	JHI     plain

quotes:
	CMPQ SI, LAST_BLOCK
	JHI  done
	FIND
	ORQ  BX, cursor_odd(AX)
	STAY

general:
	INSIDE
	NO_CRS
	CLOSED
	DOUBLED
	SHUT
	ORQ  cursor_inner(AX), R15
	JEQ  rows

irregular:
	// Nothing behind it counts, and there is no further turn.
	MOVQ  R15, cursor_irregular(AX)
	MOVQ  $0, LAST_BLOCK
	BLSIQ R15, R15
	DECQ  R15
	ANDQ  R15, R9
	JMP   rows

done:
	SUBQ cursor_b(AX), DI
	MOVQ DI, cursor_end(AX)
	MOVQ DX, cursor_row(AX)
	SAVE
	RET

first:
	LEAQ (64*FEW)(SI), R12
	JMP  general

firstCR:
	LEAQ (64*SINCE_CR)(SI), BX
	MOVQ BX, WITH_CRS

withCRs:
	STEP
	ORQ cursor_inner(AX), R15
	JEQ rows
	JMP irregular
