//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "index_amd64.h"

// func countAVX512(c *cursor)
//
// Needs AVX512F and -BW, BMI1, LZCNT, POPCNT and PCLMULQDQ. Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, K2 to K6, Z0, Z1, X6,
// Z15 to Z21 and the flags.
#define FIND    FIND_AVX512
#define NEEDLES NEEDLES_AVX512

TEXT ·countAVX512(SB), NOSPLIT, $104-8
	MOVQ c+0(FP), AX
#include "count_amd64.h"

#undef FIND
#undef NEEDLES

// func countAVX2(c *cursor)
//
// Needs AVX2, BMI1, LZCNT, POPCNT and PCLMULQDQ. Clobbers AX, BX, CX, DX, SI, DI, R8 to R15, Y0 to Y3, X6, Y8 to Y12, Y15 and
// the flags.
#define FIND    FIND_AVX2
#define NEEDLES NEEDLES_AVX2

TEXT ·countAVX2(SB), NOSPLIT, $104-8
	MOVQ c+0(FP), AX
#include "count_amd64.h"
