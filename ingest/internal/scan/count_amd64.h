// What countMasks does, in the body of a function. Beside what is in index_amd64.h there is
//
//	DI	behind the last row
//	DX	how many rows there are
//
// Nothing is written but to the cursor.

	NEEDLES
	BLOCKS
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
	IRREGULAR
	JMP rows

done:
	SUBQ cursor_b(AX), DI
	MOVQ DI, cursor_end(AX)
	MOVQ DX, cursor_row(AX)
	SAVE
	RET

	FIRST

withCRs:
	STAY_CRS
	STEP
	ORQ cursor_inner(AX), R15
	JEQ rows
	JMP irregular
