cimport cython

from licorne.asgi.cycle cimport AsgiCycle
from licorne.asgi.scope cimport ScopeMaker
from licorne.asgi.shared cimport Shared
from licorne.engine.exchange cimport Exchange
from licorne.engine.websocket.session cimport WebSocketSession
from licorne.link cimport Link

cdef int _ASKED
cdef int _OPEN
cdef int _DENYING
cdef int _CLOSED
cdef int _DENIED
cdef str _CONNECT
cdef str _RECEIVE
cdef str _DISCONNECT
cdef str _ACCEPT
cdef str _SEND
cdef str _CLOSE
cdef str _DENY
cdef str _DENY_BODY
cdef int _NORMAL_CLOSURE
cdef int _ABNORMAL_CLOSURE
cdef int _INTERNAL_ERROR
cdef int _SERVICE_RESTART
cdef int _MAX_RUN


@cython.final
cdef class WebSocketCycle(AsgiCycle):
    cdef double accepted_at
    cdef Exchange exchange
    cdef bint has_begun
    cdef bint has_counted
    cdef bint has_ended
    cdef bint is_stopping
    cdef Link link
    cdef int run
    cdef WebSocketSession session
    cdef Shared shared
    cdef double started_at
    cdef int state

    cdef begin(self, Exchange exchange, Link link, Shared shared)
    @cython.locals(session=WebSocketSession, was_full=bint)
    cdef dict _receive(self)
    cdef bint _is_over(self) except -1
    cdef dict _disconnect(self)
    @cython.locals(session=WebSocketSession)
    cdef tuple _how_it_ended(self)
    cdef _wake(self)
    @cython.locals(kind=str)
    cdef _take(self, dict message)
    @cython.locals(session=WebSocketSession)
    cdef _send(self, dict message)
    cdef _room(self)
    cdef _send_odd(self, dict message)
    cdef _send_rare(self, str kind, dict message)
    cdef _send_answer(self, str kind, dict message)
    cdef _accept(self, dict message)
    cdef _close(self, dict message)
    cdef _deny_body(self, dict message)
    cdef _finish_denial(self)
    cdef _count(self)
    cdef _end(self)
    @cython.locals(exchange=Exchange, is_open=bint)
    cdef _conclude(self, object error)
    cdef bint _is_expected(self, object error) except -1
    cdef _report(self, object error)
    cdef _answer(self, int status, bytes body)
