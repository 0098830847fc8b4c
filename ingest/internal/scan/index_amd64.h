// What the fused kernels have in common: what indexMasks and countMasks do, with no masks written in between.
//
// A turn of a loop reads the 64 bytes at SI, which need not be aligned, and nothing beyond them.
//
// There are three loops: plain, crs for blocks with CRs but no quotes, and quotes. The last two give the same for a plain
// block, only not as fast: where quotes are in every second block or so, to choose anew for each would be to choose wrongly
// for many, which takes about as long as a block does. So they are left only behind some blocks in a row that had no need of
// them. To take blocks with quotes as if there were CRs is to choose once more, and in the same way.
//
//	AX	*cursor
//	SI	the block in hand
//	DI	fields[n].end
//	DX	ends[row]
//	BP	odds[noted]
//	R13	state.inside
//	R12	the last place where SI is for the loop for quotes
//	X15	all ones
//
// BX, CX, R8 to R11, R14 and R15 are for what is in between. Go does not expect R14 and X15 to be kept: it sets these two
// again behind assembly. BP it does, and the assembler sees to that where there is a frame.

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
#define RARE       88(SP) // not 0: see rare
#define WITH_CRS   96(SP) // the last place where SI is for blocks that are taken as if there were CRs; 0: no more

// How many blocks without quotes, nor what they leave, are taken by the loop for them before it is left: behind the
// first block with some, and behind a further one or where there are CRs. Tables with few quotes want one, those with many
// want five.
#define FEW  1
#define MANY 5

// How many blocks without CRs are taken as if there were some, behind one that has.
#define SINCE_CR 64

// BLOCKS takes up where the blocks are; the place of the first one in b stays in BX. WALK takes up where fields and rows go,
// too, and WALKED leaves that.
#define BLOCKS \
	MOVQ cursor_b(AX), SI     \
	MOVQ (cursor_b+8)(AX), BX \
	LEAQ -64(SI)(BX*1), BX    \
	MOVQ BX, LAST_BLOCK       \
	MOVQ cursor_at(AX), BX    \
	ADDQ BX, SI

#define WALK \
	MOVQ cursor_fields(AX), CX         \
	MOVQ cursor_n(AX), BX              \
	MOVQ BX, FOUND                     \
	LEAQ 4(CX)(BX*8), DI               \
	MOVQ (cursor_fields+8)(AX), BX     \
	LEAQ (-8*const_room)(CX)(BX*8), BX \
	MOVQ BX, LAST_FIELD                \
	MOVQ cursor_ends(AX), CX           \
	MOVQ cursor_row(AX), BX            \
	LEAQ (CX)(BX*4), DX                \
	MOVQ (cursor_ends+8)(AX), BX       \
	LEAQ (-4*const_room)(CX)(BX*4), BX \
	MOVQ BX, LAST_ROW                  \
	MOVQ cursor_noted(AX), BP          \
	SHLQ $4, BP                        \
	ADDQ cursor_odds(AX), BP           \
	BLOCKS

#define WALKED \
	MOVQ FOUND, BX            \
	MOVQ BX, cursor_n(AX)     \
	SUBQ cursor_ends(AX), DX  \
	SHRQ $2, DX               \
	MOVQ DX, cursor_row(AX)   \
	SUBQ cursor_odds(AX), BP  \
	SHRQ $4, BP               \
	MOVQ BP, cursor_noted(AX)

// TAKE takes up a part of the state of the block before, and LEAVE leaves it.
#define TAKE(part, slot) \
	MOVQ (cursor_state+part)(AX), BX \
	SHLQ $63, BX                     \
	MOVQ BX, slot

#define LEAVE(part, slot) \
	MOVQ slot, BX                    \
	SHRQ $63, BX                     \
	MOVQ BX, (cursor_state+part)(AX)

// STATE takes up the state of the block before, and which loop the one at SI is for. SAVE leaves it, with a cursor behind the
// block at SI.
#define STATE \
	TAKE(state_begin, SEPARATORS)             \
	TAKE(state_escaped, ESCAPED)              \
	TAKE(state_closed, CLOSING)               \
	MOVQ    BX, R12                           \
	TAKE(state_closedCR, CLOSED_CRS)          \
	ORQ     BX, R12                           \
	TAKE(state_cr, CRS)                       \
	TESTQ   BX, BX                            \
	CMOVQNE SI, BX                            \
	MOVQ    BX, WITH_CRS                      \
	MOVQ    (cursor_state+state_inside)(AX), R13 \
	ORQ     R13, R12                          \
	CMOVQNE SI, R12

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

#define LESS $1 // of VPCMPB: as signed bytes

// NEEDLES loads what FIND needs, and X15: with AVX512F and -BW here.
//
//	Z16-Z19	delim, eol, quote, cr in all bytes
//	Z20-Z21	1 and 0x21 in all bytes: a byte x is odd if x+1, as a signed byte, is below 0x21
#define NEEDLES_AVX512 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_delim)(AX), Z16 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_eol)(AX), Z17   \
	VPBROADCASTB (cursor_quick+quick_needles+needles_quote)(AX), Z18 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_cr)(AX), Z19    \
	MOVL         $1, BX                                              \
	VPBROADCASTB BX, Z20                                             \
	MOVL         $0x21, BX                                           \
	VPBROADCASTB BX, Z21                                             \
	VPCMPEQD     X15, X15, X15

// FIND loads the block at SI and gives line ends in R9, these and delimiters in CX, quotes in R10 and CRs in R11,
// where these mean something. Odd bytes are in BX, and the zero flag says that there are none: a CR that means nothing is a
// line end. With AVX2 it clobbers R8.
#define FIND_AVX512 \
	VMOVDQU64 (SI), Z0          \
	VPCMPEQB  Z16, Z0, K2       \
	VPCMPEQB  Z17, Z0, K3       \
	VPCMPEQB  Z18, Z0, K4       \
	VPCMPEQB  Z19, Z0, K5       \
	VPADDB    Z20, Z0, Z1       \
	VPCMPB    LESS, Z21, Z1, K6 \
	KMOVQ     K2, CX            \
	KMOVQ     K3, R9            \
	KMOVQ     K4, R10           \
	KMOVQ     K5, R11           \
	KMOVQ     K6, BX            \
	MEANT

// With AVX2 they do the same.
//
//	Y8-Y11	delim, eol, quote, cr in all bytes
//	Y12	0x21 in all bytes
//	Y15	all ones: a byte is subtracted from
#define NEEDLES_AVX2 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_delim)(AX), Y8  \
	VPBROADCASTB (cursor_quick+quick_needles+needles_eol)(AX), Y9    \
	VPBROADCASTB (cursor_quick+quick_needles+needles_quote)(AX), Y10 \
	VPBROADCASTB (cursor_quick+quick_needles+needles_cr)(AX), Y11    \
	MOVL         $0x21, BX                                           \
	VMOVD        BX, X12                                             \
	VPBROADCASTB X12, Y12                                            \
	VPCMPEQB     Y15, Y15, Y15

#define MATCH(needle, mask) \
	VPCMPEQB  needle, Y0, Y2 \
	VPCMPEQB  needle, Y1, Y3 \
	VPMOVMSKB Y2, mask       \
	VPMOVMSKB Y3, R8         \
	SHLQ      $32, R8        \
	ORQ       R8, mask

#define FIND_AVX2 \
	VMOVDQU   (SI), Y0    \
	VMOVDQU   32(SI), Y1  \
	MATCH(Y8, CX)         \
	MATCH(Y9, R9)         \
	MATCH(Y10, R10)       \
	MATCH(Y11, R11)       \
	VPSUBB    Y15, Y0, Y2 \
	VPSUBB    Y15, Y1, Y3 \
	VPCMPGTB  Y2, Y12, Y2 \
	VPCMPGTB  Y3, Y12, Y3 \
	VPMOVMSKB Y2, BX      \
	VPMOVMSKB Y3, R8      \
	SHLQ      $32, R8     \
	ORQ       R8, BX      \
	MEANT

// MEANT makes what FIND gives of where the bytes are: in CX delimiters, and in BX those that are odd or mean something.
#define MEANT \
	ORQ   R9, CX                               \
	ANDQ  (cursor_quick+quick_quotes)(AX), R10 \
	ANDQ  (cursor_quick+quick_crs)(AX), R11    \
	ANDNQ BX, CX, BX                           \
	ANDNQ BX, R11, BX

// PLAIN leaves the loop for plain blocks where FIND has found a quote or a CR: where there is none, they stay plain.
#define PLAIN \
	MOVQ R10, BX \
	ORQ  R11, BX \
	JNE  first

// CHOOSE goes to the loop that the block at SI is for; the one for CRs comes next.
#define CHOOSE \
	CMPQ SI, R12      \
	JLS  quotes       \
	CMPQ SI, WITH_CRS \
	JHI  plain

// FIRST is where the loops for plain blocks and for CRs are left.
#define FIRST \
first:                           \
	TESTQ R10, R10           \
	JEQ   crs                \
	LEAQ  (64*FEW)(SI), R12  \
	JMP   general            \
firstQuote:                      \
	LEAQ  (64*MANY)(SI), R12 \
	JMP   general

// STAY puts off the end of the loop for quotes if they are in the block, or it begins inside of them: if not, it
// leaves nothing of quotes.
#define STAY \
	MOVQ    R10, BX           \
	ORQ     R13, BX           \
	LEAQ    (64*MANY)(SI), R8 \
	CMOVQNE R8, R12

// STAY_CRS puts off the end of what is taken as if there were CRs if they are in the block: if not, it leaves none.
#define STAY_CRS \
	LEAQ    (64*SINCE_CR)(SI), BX \
	TESTQ   R11, R11              \
	CMOVQEQ WITH_CRS, BX          \
	MOVQ    BX, WITH_CRS

// NO_CRS leaves the way without CRs where one is in the block, or was in one of those before.
#define NO_CRS \
	CMPQ  SI, WITH_CRS \
	JLS   withCRs      \
	TESTQ R11, R11     \
	JNE   withCRs

// CRLF takes what FIND gives of a block without quotes, and gives in R14 the line ends behind a CR. It leaves the loop for CRs where
// one of them is irregular, as if there were quotes.
#define CRLF \
	STAY_CRS                                      \
	MOVQ  CRS, BX                                 \
	MOVQ  R11, R14                                \
	SHLQ  $1, BX, R14                             \
	ANDNQ R14, R9, BX                             \
	ANDQ  (cursor_quick+quick_loneCR)(AX), BX     \
	JNE   firstQuote                              \
	MOVQ  R11, CRS                                \
	MOVQ  CX, SEPARATORS                          \
	ANDQ  R9, R14

// IRREGULAR cuts the line ends in R9 where R15 is not regular, and leaves what is before that in R15. Nothing behind it counts,
// and there is no further turn.
#define IRREGULAR \
	MOVQ  R15, cursor_irregular(AX) \
	MOVQ  $0, LAST_BLOCK            \
	BLSIQ R15, R15                  \
	DECQ  R15                       \
	ANDQ  R15, R9

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

// FITS leaves the loops where there is no whole block, or no room for what may be in it.
#define FITS \
	CMPQ SI, LAST_BLOCK \
	JHI  done           \
	CMPQ DI, LAST_FIELD \
	JHI  done           \
	CMPQ DX, LAST_ROW   \
	JHI  done
