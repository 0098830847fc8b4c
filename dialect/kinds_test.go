package dialect

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		want  kind
		texts []string
	}{
		{kindEmpty, []string{"", " ", "\t "}},
		{kindInteger, []string{"0", "42", "-7", "+7", "00123", " 42 "}},
		{kindDecimal, []string{"1.5", "-0.25", ".5", "1e6", "43.0e12", "1.5E-3"}},
		{kindLocal, []string{"1,5", "1,234", "1,234,567.89", "1.234.567,89", "1.234,5", "2147,5"}},
		{kindAmount, []string{"$1.50", "€ 12", "12,50 €", "13%", "-$5", "USD 12"}},
		{kindDate, []string{"2024-01-31", "31/01/2024", "1/2/03", "31.12.99", "2024/1/2", "11-May-2011", "May 11, 2011", "11 May 2011", "2011-05"}},
		{kindTime, []string{"12:30", "08:15:00", "9:05 PM", "12:30:45.123", "12:30:45,123", "06:00:04+01:00", "10.39.15", "23:59Z", "10:00 UTC"}},
		{kindMoment, []string{"2024-01-31 12:30", "2024-01-31T12:30:45Z", "2024-01-31T12:30:45-07:00", "1/2/2003 4:05:06 AM", "2022-05-25 10.39.15", "27/Aug/2021:22:21:14 +0200"}},
		{kindFlag, []string{"true", "FALSE", "NA", "n/a", "null", `\N`, "-"}},
		{kindWord, []string{"Ann", "straße", "名前", "USD"}},
		{kindName, []string{"snake_case", "Iris-setosa", "a1", "v1.2", "12-34-56-78", "2024-13-45", "1.2.3.4", "25:61x"[:2] + "x"}},
		{kindPhrase, []string{"New York", "Lee, Ann", "R&D (new)", "12 any st.", "519,186,43"}},
		{kindText, []string{`5" pipe`, "a=b", "x;y", "a;https://x.org", "://", "1:2:3:4", "99:99", "00:1b:44-11:3a:b7"}},
		{kindURL, []string{"https://example.com/a?b=1", "s3://bucket/key"}},
		{kindEmail, []string{"ann@example.com", "a.b-c@x.org"}},
		{kindHex, []string{"123e4567-e89b-12d3-a456-426614174000", "d41d8cd98f00b204e9800998ecf8427e", "00:1B:44:11:3a:b7", "00-1b-44-11-3a-b7", "192.168.0.17", "10.0.0.1"}},
		{kindPair, []string{"52.12,13.41", "-1.5, 2.25"}},
		{kindJSON, []string{`{"a": 1}`, "[1, 2; 3]"}},
	} {
		for _, text := range test.texts {
			got, bits := classify([]byte(text))
			assert.Equal(t, test.want, got, "%q", text)
			assert.GreaterOrEqual(t, bits, 0.0, "%q", text)
		}
	}
}

func TestNotNumbers(t *testing.T) {
	for _, text := range []string{"1,2,3", "1,23,456", "1.2,3,4", "1,", "1e", "1e+", "1e1234", "1..2,5", "1,234.5.6", "1234,567,890"} {
		k, _ := classify([]byte(text))
		assert.False(t, k.numeric(), "%q", text)
	}
}

func TestNotMoments(t *testing.T) {
	for _, text := range []string{"2024-01", "2024-1x-02", "12/2024/1/2", "1-2/2003", "1-2-3", "123-01-02", "2024-01-02 x", "2024-01-02T", "12:", "12:3", "12:30:", "12:30+1", "12:30+01:9", "May May 2011", "1.5.", "Mayor 5"} {
		k, _ := classify([]byte(text))
		assert.NotContains(t, []kind{kindMoment, kindTime}, k, "%q", text)
	}
}
