// What countMasks does, in the body of a function. Beside what is in index_amd64.h there is
//
//	DI	behind the last row
//	DX	how many rows there are
//
// Nothing is written but to the cursor.

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
	JMP  choose

plain:
	CMPQ SI, LAST_BLOCK
	JHI  done
	FIND
	ORQ  BX, cursor_odd(AX)
	PLAIN
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

choose:
	CHOOSE

	CMPQ  SI, LAST_BLOCK
	JHI   done
	FIND
	ORQ   BX, cursor_odd(AX)
	TESTQ R10, R10
	JNE   firstQuote

crs:
	CRLF
	JMP rows

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
	TESTQ R10, R10
	JEQ   crs
	LEAQ  (64*FEW)(SI), R12
	JMP   general

firstQuote:
	LEAQ (64*MANY)(SI), R12
	JMP  general

withCRs:
	STAY_CRS
	STEP
	ORQ cursor_inner(AX), R15
	JEQ rows
	JMP irregular
