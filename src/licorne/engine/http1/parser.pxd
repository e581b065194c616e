cdef class RequestSink:
    cdef public bint is_full

    cpdef long long on_head(self, bytes method, bytes target, int minor, list fields) except? -2
    cpdef on_body(self, bytes data)
    cpdef on_end(self)


cdef class Parser:
    cpdef feed(self, bytes data, RequestSink sink)
    cpdef Py_ssize_t pending_bytes(self)
    cpdef bytes take_rest(self)
    cpdef bint is_between_requests(self)
