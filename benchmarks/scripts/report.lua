-- Print what wrk counted in one line that a program can read. Every script here ends with this.

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "REPORT requests=%d microseconds=%d bytes=%d p50=%d p99=%d max=%d connect=%d read=%d write=%d status=%d timeout=%d\n",
        summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99), latency.max,
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
