cdef class ResponseSink:
    cpdef send_informational(self, int status, list fields)
    cpdef bint can_inform(self)
    cpdef send_head(self, int status, list fields, long long length, int flags)
    cpdef send_data(self, bytes data, bint end)
    cpdef send_trailers(self, list fields)
    cpdef start_file(self, Py_ssize_t count, bint end)
    cpdef finish_file(self, bint end)
    cpdef start_tunnel(self, list fields, int flags)
    cpdef bint can_send_files(self)
    cpdef bint is_full(self)
    cpdef on_change(self)
    cpdef bint withdraw(self) except -1
    cpdef abort(self)
