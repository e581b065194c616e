cimport cython

from licorne.asgi.cycle cimport AsgiCycle

cdef object _ENDED


cdef class WaitingCycle(AsgiCycle):
    cpdef pause(self)


@cython.final
@cython.freelist(64)
cdef class Wait:
    cdef WaitingCycle cycle
    cdef object inner

    cdef step(self)


@cython.locals(wait=Wait)
cdef Wait _new_wait(WaitingCycle cycle)
