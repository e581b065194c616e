cimport cython

from licorne.link cimport Gate

cdef int _PENDING
cdef int _THROUGH
cdef int _CANCELLED
cdef int _MAX_WAITERS
cdef object _current_task


@cython.final
cdef class Latch:
    cdef bint is_held
    cdef object loop
    cdef list waiters

    @cython.locals(waiters=list, waiter=Waiter, is_free=bint)
    cdef release(self)


@cython.final
cdef class Waiter:
    cdef public bint _asyncio_future_blocking
    cdef public object _cancel_message
    cdef object callback
    cdef object context
    cdef Latch latch
    cdef object loop
    cdef list more
    cdef int state

    @cython.locals(passage=Passage)
    cdef Passage _new_passage(self)
    cdef let_through(self)
    cdef call_back(self)
    cdef call_back_soon(self)


@cython.final
cdef class Passage:
    cdef Waiter waiter


@cython.final
cdef class AsyncioGate(Gate):
    cdef Waiter first
    cdef Latch latch
    cdef bint is_open
    cdef object loop
    cdef list others

    @cython.locals(waiter=Waiter)
    cpdef wait(self)
    @cython.locals(waiter=Waiter)
    cdef _let_through(self, list waiters)


@cython.locals(gate=AsyncioGate)
cpdef AsyncioGate new_gate(object loop, Latch latch)
