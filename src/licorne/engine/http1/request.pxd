cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.framing cimport request_length
from licorne.engine.headers cimport is_host, list_tokens
from licorne.engine.http1.known cimport KnownFields
from licorne.engine.http1.parser cimport RequestSink
from licorne.engine.received cimport BodyBuffer, RequestHead
from licorne.engine.sink cimport ResponseSink
from licorne.engine.target cimport split_absolute, split_origin

cdef dict _METHODS
cdef int _SLASH
cdef BodyBuffer _NO_BODY


cdef class Http1Request(RequestSink):
    cdef long long body_bytes
    cdef bint closes
    cdef Exchange exchange
    cdef Py_ssize_t high_water
    cdef bint is_discarding
    cdef KnownFields known
    cdef bytes known_host
    cdef long long max_body
    cdef Exchange ready
    cdef ResponseSink sink
    cdef bint takes_websocket

    cdef Exchange take_ready(self)
    cdef drop(self)
    @cython.locals(head=RequestHead)
    cdef RequestHead _head(self, bytes method, bytes target, int minor, list fields)
    @cython.locals(known=str)
    cdef str _method(self, bytes method)
    cdef _check_host(self, int minor)
    cdef _read_other_form(self, RequestHead head, bytes target)
    cdef bint _expects_continue(self, int minor) except -1
    @cython.locals(known=KnownFields)
    cdef bint _asks_websocket(self, RequestHead head, int minor) except -1
    cdef bint _is_last(self, int minor) except -1
    @cython.locals(exchange=Exchange)
    cdef _begin(self, RequestHead head)
    @cython.locals(known=KnownFields, head=RequestHead, length="long long")
    cpdef long long on_head(self, bytes method, bytes target, int minor, list fields) except? -2
