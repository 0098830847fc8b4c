//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "index_amd64.h"

// The fused kernels for CPUs that cannot compress bytes: see index_amd64.h. They take the separators of a block one by one, but so
// many at a time that as a rule there is no branch to be missed for how many there are. What is written for those that there
// are not is written over, and no turn begins with less than the room that Grow makes.

#define TAKEN        104(SP) // the separators of the block
#define FIRST_END    112(SP) // where the first of them is noted
#define BOTH         120(SP) // of them: behind a quote and a CR
#define DOUBLED_ENDS 128(SP) // of them: of fields with doubled quotes

// NOTE clobbers R8.
#define NOTE \
	MOVQ    SI, R8                 \
	SUBQ    cursor_b(AX), R8       \
	MOVL    R8, OddBlock_At(BP)    \
	MOVQ    BX, OddBlock_Odd(BP)   \
	LEAQ    OddBlock__size(BP), R8 \
	TESTQ   BX, BX                 \
	CMOVQNE R8, BP

// OFFSET gives the place of the block in BX.
#define OFFSET \
	MOVQ SI, BX           \
	SUBQ cursor_b(AX), BX

// ROWS notes how many fields there are up to each of the line ends in R9; the separators are in CX. It counts the fields, and
// leaves the place of the block in BX and where DI is to be behind them in R9. Clobbers R11.
#define ROW(at) \
	BLSMSKQ R9, BX       \
	ANDQ    CX, BX       \
	POPCNTQ BX, BX       \
	ADDL    FOUND, BX    \
	MOVL    BX, (at)(DX) \
	BLSRQ   R9, R9

#define ROWS(more) \
	POPCNTQ R9, R11          \
	LEAQ    (DX)(R11*4), R11 \
more:                            \
	ROW(0)                   \
	ROW(4)                   \
	ADDQ    $8, DX           \
	CMPQ    DX, R11          \
	JCS     more             \
	MOVQ    R11, DX          \
	OFFSET                   \
	POPCNTQ CX, R9           \
	ADDQ    R9, FOUND        \
	LEAQ    (DI)(R9*8), R9

// FIELD notes the field that ends at the first separator in CX, which it takes off, and where the next one starts. Clobbers
// R11.
#define FIELD(at) \
	TZCNTQ CX, R11          \
	BLSRQ  CX, CX           \
	ADDL   BX, R11          \
	MOVL   R11, (at)(DI)    \
	INCL   R11              \
	MOVL   R11, (at+4)(DI)

// QUOTED does the same where R10 says behind which separators a 1 is to be taken off the end, and R15 behind which one there is a
// quoted field. Clobbers R8, R11 and R14.
#define QUOTED(at) \
	TZCNTQ CX, R11             \
	BLSRQ  CX, CX              \
	LEAL   (BX)(R11*1), R14    \
	BTQ    R11, R10            \
	SBBL   $0, R14             \
	MOVL   R14, (at)(DI)       \
	BTQ    R11, R15            \
	SBBL   R8, R8              \
	ANDL   $0x80000001, R8     \
	LEAL   1(BX)(R11*1), R11   \
	ADDL   R8, R11             \
	MOVL   R11, (at+4)(DI)

#define START // nothing

#define TAKE_PLAIN \
	ROWS(plainRows)             \
plainFields:                        \
	FIELD(0)                    \
	FIELD(8)                    \
	FIELD(16)                   \
	FIELD(24)                   \
	FIELD(32)                   \
	FIELD(40)                   \
	FIELD(48)                   \
	FIELD(56)                   \
	ADDQ            $64, DI     \
	CMPQ            DI, R9      \
	JCS             plainFields \
	MOVQ            R9, DI

#define BEGINS \
	MOVQ R15, BX         \
	ANDQ R8, BX          \
	BTQ  $0, BX          \
	JCC  begun           \
	OFFSET               \
	ADDL $0x80000001, BX \
	MOVL BX, -4(DI)      \
begun:

#define TAKE_QUOTED \
	ROWS(quotedRows)              \
quotedFields:                         \
	QUOTED(0)                     \
	QUOTED(8)                     \
	QUOTED(16)                    \
	QUOTED(24)                    \
	ADDQ             $32, DI      \
	CMPQ             DI, R9       \
	JCS              quotedFields \
	MOVQ             R9, DI       \
	CMPQ             RARE, $0     \
	JEQ              next         \
	JMP              mend

#define NEXT \
	ADDQ $64, SI

// func indexAVX512(c *cursor)
//
// Needs AVX512F and -BW, BMI1, POPCNT and PCLMULQDQ. Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K2 to K6, Z0, Z1, X6, Z15 to
// Z21 and the flags.
#define FIND    FIND_AVX512
#define NEEDLES NEEDLES_AVX512

TEXT ·indexAVX512(SB), NOSPLIT, $136-8
	MOVQ c+0(FP), AX
#include "index_body_amd64.h"
#include "index_bits_amd64.h"

#undef FIND
#undef NEEDLES

// func indexAVX2(c *cursor)
//
// Needs AVX2, BMI1, POPCNT and PCLMULQDQ. Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, Y0 to Y3, X6, Y8 to Y12, Y15 and the flags.
#define FIND    FIND_AVX2
#define NEEDLES NEEDLES_AVX2

TEXT ·indexAVX2(SB), NOSPLIT, $136-8
	MOVQ c+0(FP), AX
#include "index_body_amd64.h"
#include "index_bits_amd64.h"
