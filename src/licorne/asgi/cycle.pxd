cimport cython

from licorne.link cimport Cycle

cdef object _EXHAUSTED


cdef class AsgiCycle(Cycle):
    cpdef message_now(self)
    cpdef take(self, object message)


@cython.final
@cython.freelist(64)
cdef class Call:
    cdef AsgiCycle cycle
    cdef bint has_begun
    cdef object inner
    cdef bint is_send
    cdef object message

    cdef begin(self)


@cython.locals(call=Call)
cdef Call _new_call(AsgiCycle cycle, object message, bint is_send)
