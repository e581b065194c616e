cdef class FrameSink:
    cdef public bint is_full
    cdef public long long text_limit

    cpdef on_frame(self, int head, bytes data, long long left)
    cpdef on_text(self, str text, Py_ssize_t size)


cdef class Codec:
    cpdef feed(self, bytes data, FrameSink sink)
    cpdef Py_ssize_t pending_bytes(self)
    cpdef bytes serialize(self, int head, bytes data)
    cpdef bytes serialize_text(self, int head, str text)
    cpdef bytes serialize_start(self, int head, long long size)
