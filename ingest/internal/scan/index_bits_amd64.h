// What indexMasks does, in the body of a function that takes the separators of a block one by one: see index_amd64.h. So many
// at a time, in fact, that as a rule there is no branch to be missed for how many there are; what is written for those that
// there are not is written over, and no turn begins with less than the room that Grow makes.

	NEEDLES
	WALK
	STATE
	JMP choose

plain:
	FITS
	FIND
	NOTE
	PLAIN

	// CX are the separators, R9 those that are line ends.
	MOVQ    CX, SEPARATORS
	ROWS(plainRow)
	OFFSET
	POPCNTQ CX, R9
	ADDQ    R9, FOUND
	LEAQ    (DI)(R9*8), R9

plainFields:
	FIELD(0)
	FIELD(8)
	FIELD(16)
	FIELD(24)
	FIELD(32)
	FIELD(40)
	FIELD(48)
	FIELD(56)
	ADDQ $64, DI
	CMPQ DI, R9
	JCS  plainFields
	MOVQ R9, DI

next:
	ADDQ $64, SI

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
	XORL R15, R15
	MOVQ $0, RARE
	JMP  usual

quotes:
	FITS
	FIND
	NOTE
	STAY

general:
	INSIDE

	// The last separator of the block before did not see the quote behind it.
	MOVQ R15, BX
	ANDQ R8, BX
	BTQ  $0, BX
	JCS  opens

opened:
	NO_CRS

	// There are no CRs. Nor is there a doubled quote, as a rule: all quotes stand beside separators then.
	CLOSED
	MOVQ  ESCAPED, BX
	ANDNQ R10, CX, R14
	ORQ   R14, BX
	ANDNQ R8, R15, R14
	ORQ   R14, BX
	JNE   doubled
	MOVQ  R8, R15
	SHRQ  $1, R15
	MOVQ  $0, RARE

usual:
	ROWS(row)
	OFFSET
	POPCNTQ CX, R9
	ADDQ    R9, FOUND
	LEAQ    (DI)(R9*8), R9

fields:
	QUOTED(0)
	QUOTED(8)
	QUOTED(16)
	QUOTED(24)
	ADDQ $32, DI
	CMPQ DI, R9
	JCS  fields
	MOVQ R9, DI
	CMPQ RARE, $0
	JEQ  next

	// What takes more than a 1 off an end, or is a flag of it, is put right.
	MOVQ RARE, R9

rare:
	BLSIQ   R9, BX
	TZCNTQ  R9, R11
	DECQ    BX
	ANDQ    TAKEN, BX
	POPCNTQ BX, BX
	MOVQ    FIRST_END, R8
	LEAQ    (R8)(BX*8), R8
	MOVL    (R8), R14
	MOVQ    BOTH, BX
	BTQ     R11, BX
	SBBL    $0, R14
	MOVQ    DOUBLED_ENDS, BX
	BTQ     R11, BX
	SBBL    BX, BX
	ANDL    $0x80000000, BX
	ORL     BX, R14
	MOVL    R14, (R8)
	BLSRQ   R9, R9
	JNE     rare
	JMP     next

opens:
	MOVQ SI, BX
	SUBQ cursor_b(AX), BX
	ADDL $0x80000001, BX
	MOVL BX, -4(DI)
	JMP  opened

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
	ORQ  R14, cursor_escapes(AX)
	MOVQ OPENING, R15
	SHRQ $1, R15
	MOVQ R10, R8
	ANDQ R11, R8                 // a CR and a quote before it
	ORQ  R11, R10                // or one of them
	MOVQ R8, BOTH
	MOVQ R14, DOUBLED_ENDS
	ORQ  R8, R14
	ANDQ CX, R14
	MOVQ R14, RARE
	MOVQ CX, TAKEN
	MOVQ DI, FIRST_END
	JMP  usual

irregular:
	// Nothing behind it counts, and there is no further turn.
	MOVQ  R15, cursor_irregular(AX)
	MOVQ  $0, LAST_BLOCK
	BLSIQ R15, R15
	DECQ  R15
	ANDQ  R15, CX
	ANDQ  R15, R9
	JMP   regular

first:
	TESTQ R10, R10
	JEQ   crs
	LEAQ  (64*FEW)(SI), R12
	JMP   general

firstQuote:
	LEAQ (64*MANY)(SI), R12
	JMP  general

done:
	WALKED
	SAVE
	RET
