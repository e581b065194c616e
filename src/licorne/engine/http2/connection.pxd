cimport cython

from licorne.engine.connection cimport Connection
from licorne.engine.exchange cimport Exchange
from licorne.engine.http2.clock cimport Clock
from licorne.engine.http2.control cimport Controls
from licorne.engine.http2.incoming cimport Incoming
from licorne.engine.http2.intake cimport Intake
from licorne.engine.http2.outgoing cimport Outgoing
from licorne.engine.http2.stream cimport Http2Stream
from licorne.engine.http2.streams cimport StreamTable
from licorne.engine.http2.uploads cimport Uploads
from licorne.engine.http2.windows cimport ReceiveWindow
from licorne.engine.received cimport RequestHead
from licorne.engine.tunnel cimport Tunnel

cdef int _NOT_ENDING
cdef int _IS_RETIRING
cdef int _HAS_WARNED
cdef int _IS_LAST
cdef int _HAS_EOF
cdef double _NEVER
cdef int _CANCEL
cdef int _CLOSED
cdef int _CLOSING_LINGER
cdef int _CLOSING_FLUSH
cdef int _CLOSING_ABORT
cdef double _WARNING_GRACE
cdef bytes _SWITCHING_PROTOCOLS
cdef int _LINGER_SHARE


cdef class Http2Connection(Connection):
    cdef Clock clock
    cdef int ending
    cdef Incoming incoming
    cdef Intake intake
    cdef bint is_busy
    cdef bint is_holding
    cdef object limits
    cdef Outgoing outgoing
    cdef long long requests_left

    @cython.locals(stream=Http2Stream)
    cpdef take_over(self, RequestHead head, list pairs, double now)
    cpdef receive_data(self, bytes data, double now)
    @cython.locals(stream=Http2Stream)
    cpdef receive_eof(self, double now)
    cpdef go_on(self, double now)
    cpdef shutdown(self, double now)
    @cython.locals(exchange=Exchange)
    cpdef Exchange next_exchange(self, double now)
    @cython.locals(pieces=list)
    cpdef list data_to_send(self)
    cdef _read_on(self, double now)
    @cython.locals(incoming=Incoming)
    cdef _follow_frames(self)
    cdef _begin(self, Exchange exchange)
    @cython.locals(exchange=Exchange, is_whole=bint, tunnel=Tunnel)
    cdef _half_close(self, Http2Stream stream, double now)
    @cython.locals(table=StreamTable, stream=Http2Stream)
    cdef _end_stuck(self)
    @cython.locals(finished=list, table=StreamTable, stream=Http2Stream)
    cdef _forget_finished(self)
    @cython.locals(stream=Http2Stream)
    cdef _open_gates(self)
    cdef _rest(self)
    @cython.locals(stream=Http2Stream)
    cdef _drop_streams(self)
    @cython.locals(intake=Intake, uploads=Uploads)
    cdef _settle(self, double now)
    @cython.locals(stalled=double)
    cdef double _next_deadline(self, double now) except -2
    cdef _start_drain(self, double now)
    cdef bint _finish_drain(self) except -1
    cdef _go_away(self, int code, bytes debug)
    cdef _say_goodbye(self, double now)
    cdef _fail(self, object error, double now)
    cdef _refuse(self, object refusal, int code, double now)
    @cython.locals(window=ReceiveWindow)
    cdef _swallow(self, Py_ssize_t size)
