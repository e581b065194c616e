cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.websocket.clock cimport Clock
from licorne.engine.websocket.codec cimport Codec
from licorne.engine.websocket.controls cimport Controls
from licorne.engine.websocket.facts cimport SessionFacts
from licorne.engine.websocket.incoming cimport Incoming
from licorne.engine.websocket.outgoing cimport LastFrame, Outgoing

cdef double _NEVER
cdef int _PONG
cdef int _CLOSE
cdef int _OFFERED
cdef int _OPEN
cdef int _CLOSING
cdef int _ENDED
cdef int _CLOSE_HEAD
cdef int _PING_HEAD
cdef int _PONG_HEAD
cdef int _ABNORMAL
cdef double _DRAIN_SECONDS


cdef class WebSocketSession(SessionFacts):
    cdef readonly int close_code
    cdef readonly str close_reason
    cdef Codec codec
    cdef readonly Exchange exchange
    cdef public object gate
    cdef bint has_eof
    cdef bint is_taking
    cdef object options
    cdef int state
    cdef readonly object upgrade

    cpdef begin(self, Exchange exchange, object upgrade, Codec codec, object options, LastFrame last)
    cpdef receive_data(self, bytes data, double now)
    cpdef receive_eof(self, double now)
    cpdef lost(self)
    @cython.locals(clock=Clock, incoming=Incoming, passed="long long", is_full=bint, due=double)
    cpdef double settle(self, double now) except? -1
    cpdef expire(self, double now)
    cpdef shutdown(self, double now)
    @cython.locals(incoming=Incoming, was_full=bint)
    cpdef take_message(self)
    cpdef accept(self, object subprotocol, object fields)
    cpdef send_text(self, object text)
    cpdef send_bytes(self, object data)
    cpdef close(self, int code, str reason)
    cpdef go_on(self, double now)
    cpdef bint is_open(self)
    cpdef bint has_ended(self)
    @cython.locals(incoming=Incoming)
    cdef _feed(self, bytes data)
    cdef _go_on(self)
    @cython.locals(seen=int)
    cdef _answer_controls(self)
    @cython.locals(pings=list, controls=Controls)
    cdef _send_pongs(self)
    cdef _answer_close(self)
    cdef _refusal(self)
    @cython.locals(clock=Clock, controls=Controls)
    cdef _expire_open(self)
    cdef _start_closing(self, int code, str reason)
    cdef _end_by_peer(self, int code, str reason)
    cdef _end_put_off(self)
    cdef _end_now(self, int code, str reason)
    cdef _send_close(self, int code, str reason)
    cdef _finish(self, int code, str reason)
    cdef _refuse(self, int code)
    cdef _end(self, int code, str reason)
    cdef _detach(self)
    cdef _discard(self)
    cdef _open_gate(self)
