cimport cython

from licorne.asgi.shared cimport Shared
from licorne.link cimport Cycle

cdef object _Coroutine
cdef object _EXHAUSTED


cdef class AsgiCycle(Cycle):
    cpdef message_now(self)
    cpdef pause(self)
    cpdef take(self, object message)
    cdef call_application(self, Shared shared, dict scope, object receive)
    cdef str kind_of(self, dict message)


@cython.final
cdef class Call:
    cdef AsgiCycle cycle
    cdef bint has_begun
    cdef object inner
    cdef object message

    cdef begin(self)


cpdef bytes bytes_of(object body)
@cython.locals(call=Call)
cdef Call _new_call(AsgiCycle cycle, object message)
