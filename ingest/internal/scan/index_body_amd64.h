// What indexMasks does, in the body of a function: see index_amd64.h. How fields and rows are written is left to those who
// include it:
//
//	START		makes ready, where BX is the place of the first block
//	NOTE		the method note, for what FIND gives
//	TAKE_PLAIN	notes the fields before the separators in CX, and the rows that end at those in R9
//	BEGINS		puts right the start of the field that begins with the block, if R8 and R15 say that it is quoted
//	TAKE_QUOTED	is TAKE_PLAIN where behind the separators in R15 there are quoted fields, and a 1 is to be taken off the ends
//			at those in R10, but goes to next
//	rare		does that where another 1 is to be taken off those in R8, those in R14 are of fields with doubled
//			quotes, or RARE is not 0
//	NEXT		goes on to the next block

	NEEDLES
	WALK
	START
	MOVQ $0, RARE
	STATE
	JMP  choose

plain:
	FITS
	FIND
	NOTE
	PLAIN
	MOVQ CX, SEPARATORS
	TAKE_PLAIN

next:
	NEXT

choose:
	CHOOSE

	FITS
	FIND
	NOTE
	TESTQ R10, R10
	JNE   firstQuote

crs:
	CRLF
	MOVQ R14, R10
	XORL R14, R14
	XORL R15, R15
	JMP  usual

quotes:
	FITS
	FIND
	NOTE
	STAY

general:
	INSIDE
	BEGINS
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

usual:
	TAKE_QUOTED

doubled:
	MOVQ  R8, OPENING
	DOUBLED
	SHUT
	ESCAPES
	TESTQ R15, R15
	JNE   irregular
	JMP   regular

withCRs:
	STAY_CRS
	MOVQ  R8, OPENING
	STEP
	TESTQ R15, R15
	JNE   irregular

regular:
	MOVQ OPENING, R15
	SHRQ $1, R15
	MOVQ R10, R8
	ANDQ R11, R8  // a CR and a quote before it
	ORQ  R11, R10 // or one of them
	MOVQ R8, BX
	ORQ  R14, BX
	ORQ  RARE, BX
	JEQ  usual
	JMP  rare

irregular:
	IRREGULAR
	ANDQ R15, CX
	JMP  regular

	FIRST

done:
	WALKED
	SAVE
	RET
