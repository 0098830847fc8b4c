//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The fused kernel: what indexMasks and countMasks do, with no masks written in between.
//
// A turn of the loop reads the 64 bytes at SI, which need not be aligned, and nothing beyond them. It writes up to
// 64 pairs, of a field's end and the start of the one behind it, and up to 64 ends of rows; both 16 at a time, so
// that what is behind the last one of them is not what it was. No turn begins with less than the room that Grow makes.
//
//	AX	*cursor
//	SI	the block in hand
//	DI	fields[n].end
//	DX	ends[row]
//	R13	state.inside
//	R12	not 0: the block before leaves something that is not plain
//
//	K1	byte 0 of each word of 32 bits
//	X15	all ones
//	Z16-Z19	delim, eol, quote, cr in all bytes
//	Z20-Z21	1 and 0x21 in all bytes: a byte x is odd if x+1, as a signed byte, is below 0x21
//	Z22	the bytes 0 to 63
//	Z23	the bytes 1 to 64
//	Z24-Z25	each of the bytes 0 to 7, and 8 to 15, in two words
//	Z26	pairs of the block's offset and that plus 1
//	Z27	64 in all words
//	Z28	pairs of 0 and what makes the start of a quoted field of one that is not: 1, and the flag
//	Z29	pairs of -1 and 0
//	Z30	pairs of the flag of an escaped field, and 0
//
// Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K1 to K6, Z0 to Z6, Z15 to Z30 and the flags. Go does not expect any of
// them to be kept, not even R14 and X15: it sets these two again behind assembly.

// What is on the stack.
#define SEPARATORS 0(SP)  // of the block before
#define LAST_BLOCK 8(SP)  // the last place where one may begin
#define LAST_FIELD 16(SP) // the last place where DI may be at the beginning of a turn
#define LAST_ROW   24(SP) // the same for DX
#define OPENING    32(SP) // quotes

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

// PENDING makes R12 of R13 and the state.
#define PENDING \
	MOVQ R13, R12                               \
	ORQ  (cursor_state+state_closed)(AX), R12   \
	ORQ  (cursor_state+state_closedCR)(AX), R12 \
	ORQ  (cursor_state+state_cr)(AX), R12

// STATE takes up the state of the block before. SAVE leaves it, with a cursor behind the block at SI.
#define STATE \
	MOVQ (cursor_state+state_begin)(AX), BX   \
	SHLQ $63, BX                              \
	MOVQ BX, SEPARATORS                       \
	MOVQ (cursor_state+state_inside)(AX), R13 \
	PENDING

#define SAVE \
	SUBQ cursor_b(AX), SI                     \
	MOVQ SI, cursor_at(AX)                    \
	MOVQ SEPARATORS, BX                       \
	SHRQ $63, BX                              \
	MOVQ BX, (cursor_state+state_begin)(AX)   \
	MOVQ R13, (cursor_state+state_inside)(AX) \
	VZEROUPPER

// FIND loads the block at SI and gives delimiters in R8, line ends in R9, both in CX, quotes in R10 and CRs in R11,
// where these mean something. It notes odd bytes.
#define FIND \
	VMOVDQU64 (SI), Z0                             \
	VPCMPEQB  Z16, Z0, K2                          \
	VPCMPEQB  Z17, Z0, K3                          \
	VPCMPEQB  Z18, Z0, K4                          \
	VPCMPEQB  Z19, Z0, K5                          \
	VPADDB    Z20, Z0, Z1                          \
	VPCMPB    LESS, Z21, Z1, K6                    \
	KMOVQ     K2, R8                               \
	KMOVQ     K3, R9                               \
	KMOVQ     K4, R10                              \
	KMOVQ     K5, R11                              \
	KMOVQ     K6, BX                               \
	MOVQ      R8, CX                               \
	ORQ       R9, CX                               \
	ANDNQ     BX, CX, BX                           \
	ANDNQ     BX, R11, BX                          \
	ORQ       BX, cursor_odd(AX)                   \
	ANDQ      (cursor_quick+quick_quotes)(AX), R10 \
	ANDQ      (cursor_quick+quick_crs)(AX), R11

// INSIDE and STEP are the method step. INSIDE takes what FIND gives. It leaves separators in CX and those that are
// line ends in R9, all line ends in R12, closing quotes in R10, and opening ones in R8 and OPENING.
#define INSIDE \
	VMOVQ      R10, X6              \
	VPCLMULQDQ $0, X15, X6, X6      \
	VMOVQ      X6, BX               \
	XORQ       R13, BX              \
	MOVQ       BX, R13              \
	SARQ       $63, R13             \
	MOVQ       R9, R12              \
	MOVQ       R9, R8               \
	ANDQ       BX, R8               \
	ORQ        R8, cursor_inner(AX) \
	ANDNQ      CX, BX, CX           \
	ANDNQ      R9, BX, R9           \
	MOVQ       R10, R8              \
	ANDQ       BX, R8               \
	ANDNQ      R10, BX, R10         \
	MOVQ       R8, OPENING

// STEP takes state.begin in BX, and the rest from INSIDE. It leaves what is irregular in BX, and of the separators in
// R14 those behind a closing quote, in R8 those behind a CR, and in R10 those of fields with doubled quotes.
#define STEP \
	LEAQ  (BX)(CX*2), BX                         /* begin */                                            \
	MOVQ  CX, SEPARATORS                                                                                \
	MOVQ  (cursor_state+state_closed)(AX), R14                                                          \
	LEAQ  (R14)(R10*2), R14                      /* closed */                                           \
	SHRQ  $63, R10                                                                                      \
	MOVQ  R10, (cursor_state+state_closed)(AX)                                                          \
	MOVQ  R8, R15                                                                                       \
	ANDQ  R14, R15                                                                                      \
	ANDQ  (cursor_quick+quick_doubled)(AX), R15  /* doubled */                                          \
	ORQ   R15, BX                                                                                       \
	ANDNQ R8, BX, BX                             /* irregular: an opening quote not at the beginning */ \
	MOVQ  R14, R8                                                                                       \
	ANDQ  R11, R8                                /* closedCR */                                         \
	MOVQ  CX, R10                                                                                       \
	ORQ   R15, R10                                                                                      \
	ORQ   R8, R10                                                                                       \
	ANDNQ R14, R10, R10                                                                                 \
	ORQ   R10, BX                                /* a closing quote not at the end */                   \
	MOVQ  (cursor_state+state_closedCR)(AX), R10                                                        \
	LEAQ  (R10)(R8*2), R10                       /* behindCR */                                         \
	SHRQ  $63, R8                                                                                       \
	MOVQ  R8, (cursor_state+state_closedCR)(AX)                                                         \
	ANDNQ R10, R12, R8                                                                                  \
	ORQ   R8, BX                                 /* or only with a CR between */                        \
	MOVQ  (cursor_state+state_cr)(AX), R8                                                               \
	LEAQ  (R8)(R11*2), R8                                                                               \
	SHRQ  $63, R11                                                                                      \
	MOVQ  R11, (cursor_state+state_cr)(AX)                                                              \
	ANDNQ R8, R12, R12                                                                                  \
	ANDQ  (cursor_quick+quick_loneCR)(AX), R12                                                          \
	ORQ   R12, BX                                /* a line end of its own */                            \
	ANDQ  R9, R8                                 /* crlf */                                             \
	ORQ   R10, R14                                                                                      \
	ANDQ  CX, R14                                /* shut */                                             \
	MOVQ  CX, R10                                                                                       \
	NOTQ  R10                                                                                           \
	MOVQ  (cursor_state+state_escaped)(AX), R12                                                         \
	NEGQ  R12                                    /* sets the carry if there is one */                   \
	ADCQ  R15, R10                                                                                      \
	SBBQ  R12, R12                                                                                      \
	NEGQ  R12                                                                                           \
	MOVQ  R12, (cursor_state+state_escaped)(AX)                                                         \
	ANDQ  CX, R10                                /* escaped */

// PAIRS makes pairs, in Z3 and Z4, of the first 16 bytes of Z2, which are places in the block.
#define PAIRS \
	VPERMB.Z Z2, Z24, K1, Z3 \
	VPERMB.Z Z2, Z25, K1, Z4 \
	VPADDD   Z26, Z3, Z3     \
	VPADDD   Z26, Z4, Z4

// ADJUST adds the words of a register to the ends or the starts of those pairs whose bits are set.
#define ADJUST(bits, which, words) \
	PDEPQ  which, bits, BX   \
	KMOVQ  BX, K2            \
	VPADDD words, Z3, K2, Z3 \
	SHRQ   $16, BX           \
	KMOVQ  BX, K2            \
	VPADDD words, Z4, K2, Z4 \
	SHRQ   $16, bits

// func indexVBMI2(c *cursor)
//
// Needs AVX512F, -BW, -DQ, -VL, -VBMI and -VBMI2, BMI1, BMI2, LZCNT, POPCNT and PCLMULQDQ. There is no branch for
// whether a block has a line end: where rows are about as long as a block, it would be missed as often as not.
TEXT ·indexVBMI2(SB), NOSPLIT, $40-8
	MOVQ c+0(FP), AX

	NEEDLES

	VMOVDQU64    bytes<>(SB), Z22
	VPADDB       Z20, Z22, Z23
	MOVQ         $0x1111111111111111, BX
	KMOVQ        BX, K1
	VPMOVZXBQ    X22, Z24
	VPSLLQ       $32, Z24, Z0
	VPORQ        Z0, Z24, Z24
	MOVL         $8, BX
	VPBROADCASTD BX, Z25
	VPADDD       Z25, Z24, Z25
	MOVL         $64, BX
	VPBROADCASTD BX, Z27
	MOVQ         $0x8000000100000000, BX
	VPBROADCASTQ BX, Z28
	MOVQ         $0x00000000ffffffff, BX
	VPBROADCASTQ BX, Z29
	MOVQ         $0x0000000080000000, BX
	VPBROADCASTQ BX, Z30

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
	STATE

block:
	CMPQ SI, LAST_BLOCK
	JHI  done
	CMPQ DI, LAST_FIELD
	JHI  done
	CMPQ DX, LAST_ROW
	JHI  done

	FIND
	MOVQ R12, BX
	ORQ  R10, BX
	ORQ  R11, BX
	JNE  general

	// No quotes about: CX are the separators, R9 those that are line ends.
	MOVQ          CX, SEPARATORS
	KMOVQ         CX, K2
	VPCOMPRESSB.Z Z22, K2, Z2
	PAIRS
	VMOVDQU32     Z3, (DI)
	VMOVDQU32     Z4, 64(DI)
	PEXTQ         CX, R9, BX
	POPCNTQ       CX, CX
	CMPQ          CX, $16
	JHI           manyFields

rows:
	// BX says which of the fields end a row, CX is how many there are.
	MOVQ          DI, R8
	SUBQ          cursor_fields(AX), R8
	SHRQ          $3, R8
	VPBROADCASTD  R8, Z6
	LEAQ          (DI)(CX*8), DI
	KMOVQ         BX, K2
	VPCOMPRESSB.Z Z23, K2, Z5
	VPMOVZXBD     X5, Z4
	VPADDD        Z6, Z4, Z4
	VMOVDQU32     Z4, (DX)
	POPCNTQ       BX, CX
	CMPQ          CX, $16
	JHI           manyRows

counted:
	LEAQ   (DX)(CX*4), DX
	ADDQ   $64, SI
	VPADDD Z27, Z26, Z26
	CMPQ   cursor_irregular(AX), $0
	JEQ    block

done:
	SUBQ cursor_fields(AX), DI
	SHRQ $3, DI
	MOVQ DI, cursor_n(AX)
	SUBQ cursor_ends(AX), DX
	SHRQ $2, DX
	MOVQ DX, cursor_row(AX)
	SAVE
	RET

manyFields:
	MOVQ DI, R8
	MOVQ CX, R10

morePairs:
	VALIGNQ   $2, Z2, Z2, Z2
	PAIRS
	VMOVDQU32 Z3, 128(R8)
	VMOVDQU32 Z4, 192(R8)
	ADDQ      $128, R8
	SUBQ      $16, R10
	CMPQ      R10, $16
	JHI       morePairs
	JMP       rows

manyRows:
	MOVQ DX, R8
	MOVQ CX, R10

moreRows:
	VALIGNQ   $2, Z5, Z5, Z5
	VPMOVZXBD X5, Z4
	VPADDD    Z6, Z4, Z4
	VMOVDQU32 Z4, 64(R8)
	ADDQ      $64, R8
	SUBQ      $16, R10
	CMPQ      R10, $16
	JHI       moreRows
	JMP       counted

general:
	INSIDE
	MOVQ  SEPARATORS, BX
	SHRQ  $63, BX
	TESTQ R8, BX
	JEQ   begun
	// The last separator did not see the quote behind it.
	MOVQ SI, R14
	SUBQ cursor_b(AX), R14
	ADDL $0x80000001, R14
	MOVL R14, -4(DI)

begun:
	STEP
	ORQ   R10, cursor_escapes(AX)
	MOVQ  BX, cursor_irregular(AX)
	TESTQ BX, BX
	JEQ   regular
	BLSIQ BX, BX
	DECQ  BX
	ANDQ  BX, CX
	ANDQ  BX, R9

regular:
	// From here on a bit stands for a separator.
	KMOVQ         CX, K2
	VPCOMPRESSB.Z Z22, K2, Z2
	MOVQ          OPENING, R15
	SHRQ          $1, R15
	PEXTQ         CX, R15, R15 // a quoted field is behind it
	PEXTQ         CX, R14, R14
	PEXTQ         CX, R10, R10
	PEXTQ         CX, R8, R8
	PEXTQ         CX, R9, R11
	POPCNTQ       CX, CX
	MOVQ          CX, R12
	MOVQ          DI, R9

pairs:
	PAIRS
	ADJUST(R15, starts<>(SB), Z28)
	ADJUST(R14, ends<>(SB), Z29)
	TESTQ R8, R8
	JEQ   noCR
	ADJUST(R8, ends<>(SB), Z29)

noCR:
	TESTQ R10, R10
	JEQ   noEscape
	ADJUST(R10, ends<>(SB), Z30)

noEscape:
	VMOVDQU32 Z3, (R9)
	VMOVDQU32 Z4, 64(R9)
	ADDQ      $128, R9
	VALIGNQ   $2, Z2, Z2, Z2
	SUBQ      $16, R12
	JHI       pairs
	MOVQ      R11, BX
	PENDING
	JMP       rows

// func countVBMI2(c *cursor)
//
// Needs what indexVBMI2 does, and keeps the same in the same registers, but for two:
//
//	DI	behind the last row
//	DX	how many rows there are
//
// Nothing is written but to the cursor. Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K2 to K6, Z0, Z1, X6, Z15 to Z21
// and the flags.
TEXT ·countVBMI2(SB), NOSPLIT, $40-8
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

block:
	CMPQ SI, LAST_BLOCK
	JHI  done
	FIND
	MOVQ R12, BX
	ORQ  R10, BX
	ORQ  R11, BX
	JNE  general
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
	CMPQ    cursor_irregular(AX), $0
	JEQ     block

done:
	SUBQ cursor_b(AX), DI
	MOVQ DI, cursor_end(AX)
	MOVQ DX, cursor_row(AX)
	SAVE
	RET

general:
	INSIDE
	MOVQ  SEPARATORS, BX
	SHRQ  $63, BX
	STEP
	ORQ   cursor_inner(AX), BX
	MOVQ  BX, cursor_irregular(AX)
	PENDING
	TESTQ BX, BX
	JEQ   rows
	BLSIQ BX, BX
	DECQ  BX
	ANDQ  BX, R9
	JMP   rows
