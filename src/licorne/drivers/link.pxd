from licorne.drivers.base cimport Runtime, SharedLink
from licorne.engine.connection cimport Connection
from licorne.engine.exchange cimport Exchange
from licorne.link cimport Cycle
cimport cython

cdef Py_ssize_t _MAX_JOINED_BYTES
cdef int _MAX_BATCH
cdef int _MAX_WIDE_BATCH


cdef class DriverLink(SharedLink):
    cdef Exchange held
    cdef bint is_going_on
    cdef bint is_greedy
    cdef bint is_holding
    cdef bint is_pumping
    cdef bint is_reading
    cdef public bint is_write_paused
    cdef public double progress_at
    cdef public Runtime runtime
    cdef public int shown_closing
    cdef long long taken
    cdef public long long written

    cpdef write(self, bytes data)
    cpdef write_all(self, list pieces)
    cpdef set_reading(self, bint is_reading)
    cpdef go_on_soon(self)
    cpdef Py_ssize_t unsent_bytes(self) except -1
    cpdef abort(self)
    cpdef reset(self)
    cpdef open(self)
    cpdef closed(self)
    cpdef let_others_read(self)
    cdef _look_up(self)
    @cython.locals(runtime=Runtime, connection=Connection, exchange=Exchange, cycle=Cycle, begun=int)
    cdef _start_exchanges(self)
    @cython.locals(pieces=list, data=bytes)
    cdef _write(self)
    @cython.locals(connection=Connection, pieces=list)
    cdef _write_on(self)
    @cython.locals(count=Py_ssize_t, data=bytes)
    cdef _hand_over(self, list pieces)
    cdef _go_on_later(self)
    @cython.locals(closing=int, wants_data=bint)
    cdef _follow(self)
    cdef _report_refusal(self)
