from licorne.engine.websocket.codec cimport FrameSink

cdef Py_ssize_t _MAX_GAP


cdef class MessageQueue(FrameSink):
    cdef Py_ssize_t at
    cdef public Py_ssize_t count
    cdef object first
    cdef long long held
    cdef long long max_bytes
    cdef Py_ssize_t max_count
    cdef list more
    cdef public long long total
    cdef public long long total_bytes

    cpdef append(self, object message, Py_ssize_t size)
    cpdef take(self)
    cpdef clear(self)
    cpdef bint is_over(self) noexcept
    cpdef bint is_low(self) noexcept
    cdef _next(self, list more)
