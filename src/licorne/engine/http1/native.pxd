cimport cython

from licorne.engine cimport _bytes
from licorne.engine.http1.chunked cimport digits_end, parse_chunk_line
from licorne.engine.http1.parser cimport Parser, RequestSink

cdef int _START_LINE
cdef int _FIELD
cdef int _LENGTH_BODY
cdef int _CHUNK_LINE
cdef int _CHUNK_DATA
cdef int _CHUNK_END
cdef int _TRAILER
cdef int _CR
cdef int _LF
cdef int _SPACE
cdef int _TAB
cdef int _COLON
cdef int _TLS_HANDSHAKE
cdef int _CHUNKED
cdef bytes _FIELD_NAME
cdef bytes _FIELD_TEXT
cdef bytes _TOKEN
cdef int _MAX_EMPTY_LINES
cdef Py_ssize_t _MAX_CHUNK_LINE_BYTES
cdef int _VERSION_BYTES
cdef bytes _DIGITS


cdef class NativeParser(Parser):
    cdef list fields
    cdef object limits
    cdef public list lines
    cdef Py_ssize_t max_fields
    cdef Py_ssize_t max_head
    cdef Py_ssize_t max_line
    cdef long long remaining
    cdef bytes rest
    cdef Py_ssize_t rest_at
    cdef Py_ssize_t searched
    cdef Py_ssize_t section_bytes
    cdef Py_ssize_t section_lines
    cdef tuple start_line
    cdef int state

    @cython.locals(at=Py_ssize_t, end=Py_ssize_t)
    cpdef feed(self, bytes data, RequestSink sink)
    cdef _keep(self, bytes data, Py_ssize_t at)
    @cython.locals(end=Py_ssize_t)
    cdef _read_line(self, bytes data, Py_ssize_t start, Py_ssize_t newline, RequestSink sink)
    @cython.locals(size=Py_ssize_t)
    cdef _count_head(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(allowed=Py_ssize_t)
    cdef _refuse_size(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(end=Py_ssize_t, size=Py_ssize_t)
    cdef _check_incomplete(self, bytes data, Py_ssize_t start)
    @cython.locals(first=Py_ssize_t, second=Py_ssize_t, minor=int)
    cdef _read_start_line(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    cdef _skip_empty_line(self)
    @cython.locals(version=bytes)
    cdef int _read_version(self, bytes data, Py_ssize_t start, Py_ssize_t end) except -1
    cdef _read_field(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(colon=Py_ssize_t, name=bytes)
    cdef tuple _split_field(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(method=bytes, target=bytes, minor=int, fields=list, length="long long")
    cdef _end_head(self, RequestSink sink)
    cpdef confirm(self, bytes target, int minor, list fields)
    cdef _reset(self)
    cdef _start_body(self, long long length, RequestSink sink)
    @cython.locals(size=Py_ssize_t)
    cdef Py_ssize_t _read_body(self, bytes data, Py_ssize_t at, RequestSink sink) except -1
    @cython.locals(line=bytes)
    cdef _read_chunk_line(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    cdef _count_extension(self, Py_ssize_t size)
    cdef _read_trailer(self, bytes data, Py_ssize_t start, Py_ssize_t end, RequestSink sink)
    @cython.locals(allowed=Py_ssize_t)
    cdef _refuse_trailers(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    cdef bint _is_over_trailers(self, Py_ssize_t size) except -1
