cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.http2.guard cimport Guard
from licorne.engine.http2.outgoing cimport Outgoing
from licorne.engine.http2.scheduler cimport parse_priority
from licorne.engine.http2.stream cimport Http2Stream
from licorne.engine.http2.streams cimport StreamTable
from licorne.engine.http2.uploads cimport Uploads
from licorne.engine.http2.windows cimport ReceiveWindow
from licorne.engine.pseudo cimport check_trailers
from licorne.engine.received cimport BodyBuffer, RequestHead
from licorne.engine.tunnel cimport Tunnel

cdef int _NO_REASON
cdef int _CANCEL
cdef int _CLOSED
cdef int _NO_ERROR
cdef int _PROTOCOL_ERROR
cdef int _REFUSED_STREAM
cdef int _HAS_NO_CONTENT
cdef int _LARGEST_ID
cdef long long _NO_LIMIT
cdef BodyBuffer _NO_BODY


@cython.final
cdef class Intake:
    cdef public Guard guard
    cdef public bint has_departed
    cdef public int last_id
    cdef object limits
    cdef long long max_body
    cdef public Outgoing outgoing
    cdef public object ready
    cdef long long send_buffer
    cdef public StreamTable table
    cdef public bint takes_websocket
    cdef public Uploads uploads
    cdef public ReceiveWindow window
    cdef public long long window_size

    @cython.locals(table=StreamTable, stream=Http2Stream)
    cpdef Http2Stream open(self, int stream_id, bint ends, double now)
    @cython.locals(ends=bint, exchange=Exchange)
    cpdef begin(self, Http2Stream stream, RequestHead head, double now)
    cpdef refuse_new(self, Http2Stream stream, object error, bint is_head, double now)
    cpdef add_trailers(self, Http2Stream stream, list fields, bint ends)
    @cython.locals(exchange=Exchange, tunnel=Tunnel, announced="long long")
    cpdef add_body(self, Http2Stream stream, bytes data, double now)
    @cython.locals(exchange=Exchange, announced="long long", tunnel=Tunnel)
    cpdef finish_body(self, Http2Stream stream, double now)
    cpdef reset(self, Http2Stream stream, int code)
    cpdef depart(self, Http2Stream stream)
    @cython.locals(exchange=Exchange, code=int)
    cpdef refuse(self, Http2Stream stream, object error, double now)
    cpdef close(self, Http2Stream stream)
    cpdef double linger(self, Http2Stream stream, double now) except -2
    @cython.locals(stream=Http2Stream, tunnel=Tunnel, uploads=Uploads)
    cpdef expire(self, double now)
    @cython.locals(exchange=Exchange)
    cdef _discard(self, Http2Stream stream)
    @cython.locals(said=bytes, name=bytes, value=bytes, priorities=dict)
    cdef _prioritize(self, Http2Stream stream, RequestHead head)
    cdef bint _is_too_slow(self, Http2Stream stream, double now) except -1
    @cython.locals(exchange=Exchange, was_complete=bint)
    cdef _give_up(self, Http2Stream stream)
