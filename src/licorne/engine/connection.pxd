from licorne.engine.exchange cimport Exchange


cdef class Connection:
    cdef public int closing
    cdef public double deadline
    cdef public bint has_departed
    cdef public double idle_since
    cdef public object refusal
    cdef public Connection successor

    cpdef agree(self, object protocol)
    cpdef start(self, double now)
    cpdef receive_data(self, bytes data, double now)
    cpdef receive_eof(self, double now)
    cpdef lost(self)
    cpdef go_on(self, double now)
    cpdef expire(self, double now)
    cpdef shutdown(self, double now)
    cpdef close(self)
    cpdef refuse(self, object error, double now)
    cpdef Exchange next_exchange(self, double now)
    cpdef list data_to_send(self)
    cpdef Py_ssize_t pending_bytes(self)
    cpdef bint wants_data(self)
    cpdef bint is_resting(self)
    cpdef bint can_hold(self)
    cpdef bint ends_with_connection(self)
    cpdef bint is_idle(self)
