cimport cython

from licorne.engine cimport _bytes
from licorne.engine.framing cimport has_no_content, parse_length
from licorne.engine.headers cimport list_tokens
from licorne.engine.received cimport BodyBuffer, RequestHead
from licorne.engine.sink cimport ResponseSink
from licorne.engine.tunnel cimport Tunnel

cdef long long _UNKNOWN_LENGTH
cdef bytes _FIELD_NAME
cdef bytes _FIELD_TEXT
cdef bytes _LOWER_NAME
cdef object _OWNED
cdef int _HAS_DATE
cdef int _HAS_NO_CONTENT
cdef int _HAS_SERVER
cdef int _HAS_TRAILERS
cdef int _NAMES_UPGRADE
cdef int _WANTS_CLOSE
cdef int _IDLE
cdef int _BODY
cdef int _TRAILERS
cdef int _COMPLETE
cdef int _FILE
cdef int _TUNNEL
cdef int _SWITCHING_PROTOCOLS
cdef bytes _OWNED_LENGTHS
cdef list _NO_FIELDS
cdef int _MIN_STATUS
cdef int _MAX_STATUS


@cython.final
cdef class Exchange:
    cdef public BodyBuffer body
    cdef public long long bytes_sent
    cdef int flags
    cdef public object gate
    cdef public RequestHead head
    cdef public bint is_aborted
    cdef public bint is_disconnected
    cdef public bint is_leaving
    cdef long long remaining
    cdef public list response_headers
    cdef ResponseSink sink
    cdef int state
    cdef public int status
    cdef public Tunnel tunnel

    cpdef begin(self, RequestHead head, BodyBuffer body, ResponseSink sink)
    cpdef append_body(self, bytes data)
    cpdef finish_body(self)
    @cython.locals(tunnel=Tunnel)
    cpdef disconnect(self)
    cpdef leave(self)
    cpdef bytes take_body(self)
    cpdef send_continue(self)
    cpdef send_informational(self, int status, object headers)
    @cython.locals(fields=list)
    cpdef start_response(self, object status, object headers, bint trailers=*)
    @cython.locals(size=Py_ssize_t)
    cpdef write(self, bytes data, bint end)
    cpdef write_trailers(self, object headers)
    cpdef bint start_file(self, Py_ssize_t count, bint end) except -1
    cpdef finish_file(self, bint end)
    cpdef finish_empty(self)
    cpdef offer_tunnel(self, Tunnel tunnel)
    @cython.locals(fields=list)
    cpdef start_tunnel(self, object headers)
    cpdef send_raw(self, bytes data)
    cpdef finish_tunnel(self)
    cpdef bint withdraw(self) except -1
    @cython.locals(tunnel=Tunnel)
    cpdef abort(self)
    cpdef bint is_websocket(self)
    cpdef bint is_tunnel(self)
    cpdef bint has_started(self)
    cpdef bint is_complete(self)
    cpdef bint awaits_trailers(self)
    cdef _open_gate(self)
    cdef _finish(self)
    cdef _complete(self)
    cdef _count(self, Py_ssize_t size, bint end)
    @cython.locals(name=bytes, value=bytes, fields=list)
    cdef list _check_fields(self, object headers)
    cdef bytes _lower(self, bytes name)
    cdef bint _keeps(self, bytes name, bytes value) except -1
    @cython.locals(length="long long", is_first=bint)
    cdef bint _note_length(self, bytes value) except -1
