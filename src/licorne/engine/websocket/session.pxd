cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.tunnel cimport Tunnel
from licorne.engine.websocket.clock cimport Clock
from licorne.engine.websocket.codec cimport Codec
from licorne.engine.websocket.deflate cimport Deflate
from licorne.engine.websocket.incoming cimport Incoming

cdef double _NEVER
cdef int _PONG
cdef int _CLOSE
cdef int _OFFERED
cdef int _OPEN
cdef int _CLOSING
cdef int _ENDED
cdef int _TEXT_HEAD
cdef int _BINARY_HEAD
cdef int _COMPRESSED
cdef int _CLOSE_HEAD
cdef int _PING_HEAD
cdef int _PONG_HEAD
cdef Py_ssize_t _MAX_COPIED_BYTES
cdef double _DRAIN_SECONDS


cdef class WebSocketSession(Tunnel):
    cdef public long long bytes_out
    cdef Clock clock
    cdef readonly int close_code
    cdef readonly str close_reason
    cdef Codec codec
    cdef readonly Exchange exchange
    cdef public object gate
    cdef bint has_eof
    cdef Incoming incoming
    cdef readonly long long messages_out
    cdef object options
    cdef int state
    cdef long long threshold
    cdef readonly object upgrade

    cpdef begin(self, Exchange exchange, object upgrade, Codec codec, object options)
    cpdef receive_data(self, bytes data, double now)
    cpdef receive_eof(self, double now)
    cpdef lost(self)
    @cython.locals(clock=Clock, incoming=Incoming, activity="long long")
    cpdef double settle(self, double now) except? -1
    cpdef expire(self, double now)
    cpdef shutdown(self, double now)
    @cython.locals(incoming=Incoming, was_full=bint)
    cpdef take_message(self)
    cpdef accept(self, object subprotocol, object fields)
    @cython.locals(frame=bytes)
    cpdef send_text(self, object text)
    cpdef send_bytes(self, object data)
    cpdef close(self, int code, str reason)
    cpdef bint is_full(self) except -1
    cpdef bint is_open(self)
    cpdef bint has_ended(self)
    @cython.locals(incoming=Incoming)
    cdef _feed(self, bytes data)
    cdef _go_on(self)
    @cython.locals(controls=int)
    cdef _answer_controls(self)
    @cython.locals(pings=list)
    cdef _send_pongs(self)
    cdef _answer_close(self)
    @cython.locals(count=Py_ssize_t, deflate=Deflate)
    cdef _send_payload(self, int head, bytes data)
    cdef _send_close(self, int code, str reason)
    cdef _send_control(self, int head, bytes payload)
    cdef _refusal(self)
    @cython.locals(clock=Clock)
    cdef _expire_open(self)
    cdef _start_closing(self, int code, str reason)
    cdef _fail(self, int code, str reason)
    cdef _fail_put_off(self)
    cdef _finish(self, int code, str reason)
    cdef _refuse(self, int code)
    cdef _end(self, int code, str reason)
    cdef _detach(self)
    cdef _open_gate(self)
