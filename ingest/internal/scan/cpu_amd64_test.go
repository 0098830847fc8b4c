//go:build !purego

package scan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWithout(t *testing.T) {
	var (
		none    = x86{}
		haswell = x86{hasAVX2: true}
		skylake = x86{hasAVX2: true, hasAVX512: true}
		icelake = x86{hasAVX2: true, hasAVX512: true, hasVBMI2: true}
	)
	for _, c := range []struct {
		cpu           x86
		godebug, scan string
		want          x86
		kernel        string
	}{
		{none, "", "", none, "plain"},
		{none, "cpu.all=on", "avx2", none, "plain"},
		{haswell, "", "", haswell, "avx2"},
		{haswell, "", "plain", haswell, "plain"},
		{haswell, "", "neon", haswell, "avx2"},
		{haswell, "", "avx512", haswell, "avx2"},
		{haswell, "cpu.avx2=off", "avx2", none, "plain"},
		{haswell, "cpu.avx2=off,cpu.avx2=on", "", haswell, "avx2"},
		{haswell, "cpu.all=off", "", none, "plain"},
		{haswell, "cpu.all=off,cpu.avx2=on", "", none, "plain"},
		{haswell, "cpu.all=off,cpu.avx2=on,cpu.bmi1=on,cpu.lzcnt=on,cpu.popcnt=on,cpu.pclmulqdq=on", "", haswell, "avx2"},
		{haswell, "cpu.avx2=on,cpu.all=off", "", none, "plain"},
		{haswell, "gctrace=1,cpu.avx2=off,madvdontneed=1", "", none, "plain"},
		{haswell, "cpu.bmi1=off", "", none, "plain"},
		{haswell, "cpu.bmi2=off", "", haswell, "avx2"},
		{haswell, "cpu.lzcnt=off", "", none, "plain"},
		{haswell, "cpu.popcnt=off", "", none, "plain"},
		{haswell, "cpu.pclmulqdq=off", "", none, "plain"},
		{haswell, "cpu.avx2,cpu.avx2=,cpu.avx2=no,avx2=off,cpu.avx=off", "", haswell, "avx2"},
		{skylake, "", "", skylake, "avx512"},
		{skylake, "", "avx2", skylake, "avx2"},
		{skylake, "", "avx512vbmi2", skylake, "avx512"},
		{skylake, "cpu.avx512=off", "", haswell, "avx2"},
		{skylake, "cpu.avx512vbmi2=off,cpu.bmi2=off", "", skylake, "avx512"},
		{skylake, "cpu.avx2=off", "", none, "plain"},
		{icelake, "", "", icelake, "avx512vbmi2"},
		{icelake, "", "avx512", icelake, "avx512"},
		{icelake, "cpu.avx512=off", "", haswell, "avx2"},
		{icelake, "cpu.avx512f=off", "", haswell, "avx2"},
		{icelake, "cpu.avx512bw=off", "", haswell, "avx2"},
		{icelake, "cpu.avx512dq=off", "", haswell, "avx2"},
		{icelake, "cpu.avx512vl=off", "", haswell, "avx2"},
		{icelake, "cpu.avx512vbmi=off", "", skylake, "avx512"},
		{icelake, "cpu.avx512vbmi2=off", "", skylake, "avx512"},
		{icelake, "cpu.bmi1=off", "", none, "plain"},
		{icelake, "cpu.bmi2=off", "", skylake, "avx512"},
		{icelake, "cpu.lzcnt=off", "", none, "plain"},
		{icelake, "cpu.popcnt=off", "", none, "plain"},
		{icelake, "cpu.pclmulqdq=off", "", none, "plain"},
		{icelake, "cpu.avx2=off", "", none, "plain"},
		{icelake, "cpu.all=off,cpu.avx2=on", "", none, "plain"},
		{icelake, "cpu.avx512=off,cpu.avx512=on", "", icelake, "avx512vbmi2"},
	} {
		got := c.cpu.without(c.godebug)
		assert.Equal(t, c.want, got, c.godebug)
		assert.Equal(t, c.kernel, choose(kernelsOf(got), c.scan).name, "%s, %s", c.godebug, c.scan)
	}
}

func TestDetect(t *testing.T) {
	c := detect()
	assert.True(t, c.hasAVX2 || !c.hasAVX512)
	assert.True(t, c.hasAVX512 || !c.hasVBMI2)
	t.Logf("%+v", c)
}
