//go:build purego || (!amd64 && !arm64)

package scan

// kernels are those of this platform, best first.
var kernels = []kernel{plain}
