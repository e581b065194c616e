cimport cython

from licorne.engine cimport _bytes
from licorne.engine.websocket.codec cimport Codec, FrameSink

cdef int _FIN
cdef int _CONTROL
cdef int _MASKED
cdef int _WHOLE_TEXT
cdef int _MAX_CONTROL_BYTES
cdef int _LENGTH_16


cdef class NativeCodec(Codec):
    cdef int head
    cdef long long left
    cdef unsigned int mask
    cdef bytes rest
    cdef Py_ssize_t rest_at

    @cython.locals(at=Py_ssize_t, end=Py_ssize_t, stop=Py_ssize_t)
    cpdef feed(self, bytes data, FrameSink sink)
    cpdef bytes serialize(self, int head, bytes data)
    cpdef bytes serialize_text(self, int head, str text)
    cpdef bytes serialize_start(self, int head, long long size)
    cpdef Py_ssize_t pending_bytes(self)
    cdef _keep(self, bytes data, Py_ssize_t at, bint is_full)
    @cython.locals(buf="const unsigned char *", head=int, size="long long", start=Py_ssize_t, mask="unsigned int")
    cdef Py_ssize_t _read_frame(self, bytes data, Py_ssize_t at, Py_ssize_t end, FrameSink sink) except -1
    @cython.locals(buf="const unsigned char *", size="long long", at=Py_ssize_t)
    cdef long long _read_size(self, bytes data, Py_ssize_t start, Py_ssize_t end) except -1
    @cython.locals(text=str)
    cdef _read_text(self, bytes data, Py_ssize_t start, Py_ssize_t end, unsigned int mask, FrameSink sink)
    cdef Py_ssize_t _begin_parts(self, int head, long long size, unsigned int mask, bytes data, Py_ssize_t start, FrameSink sink) except -1
    @cython.locals(size=Py_ssize_t, mask="unsigned int", shift=int)
    cdef Py_ssize_t _read_part(self, bytes data, Py_ssize_t at, FrameSink sink) except -1
