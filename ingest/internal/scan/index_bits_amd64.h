// What index_body_amd64.h leaves to index_bits_amd64.s: the fields of a block are noted as usual, and then those are mended that
// are rare. RARE says which they are, and is 0 again behind that.

rare:
	ORQ  R14, cursor_escapes(AX)
	MOVQ R8, BOTH
	MOVQ R14, DOUBLED_ENDS
	ORQ  R8, R14
	ANDQ CX, R14
	MOVQ R14, RARE
	MOVQ CX, TAKEN
	MOVQ DI, FIRST_END
	JMP  usual

mend:
	MOVQ RARE, R9

mendOne:
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
	JNE     mendOne
	MOVQ    $0, RARE
	JMP     next
