cimport cython

from licorne.engine.exchange cimport BodyBuffer, Exchange, RequestHead, ResponseSink
from licorne.engine.framing cimport request_length
from licorne.engine.headers cimport is_host, list_tokens
from licorne.engine.http1.parser cimport RequestSink
from licorne.engine.target cimport split_absolute, split_origin

cdef dict _METHODS
cdef object _KNOWN
cdef bytes _KNOWN_LENGTHS
cdef int _SLASH
cdef BodyBuffer _NO_BODY


cdef class Http1Request(RequestSink):
    cdef long long body_bytes
    cdef bint closes
    cdef bytes connection
    cdef Exchange exchange
    cdef bytes expect
    cdef Py_ssize_t high_water
    cdef bytes host
    cdef bint is_discarding
    cdef bytes known_host
    cdef bytes length
    cdef long long max_body
    cdef Exchange ready
    cdef ResponseSink sink
    cdef bytes te
    cdef bytes transfer_encoding

    cdef Exchange take_ready(self)
    cdef drop(self)
    cdef _forget(self)
    cdef _note(self, bytes name, bytes value)
    cdef bytes _once(self, bytes known, bytes value, str name)
    @cython.locals(head=RequestHead)
    cdef RequestHead _head(self, bytes method, bytes target, int minor, list fields)
    cdef str _method(self, bytes method)
    cdef _check_host(self, int minor)
    cdef _read_other_form(self, RequestHead head, bytes target)
    cdef bint _expects_continue(self, int minor) except -1
    cdef bint _is_last(self, int minor) except -1
    @cython.locals(exchange=Exchange)
    cdef _begin(self, RequestHead head)
    @cython.locals(field=tuple, name=bytes, head=RequestHead, length="long long")
    cpdef long long on_head(self, bytes method, bytes target, int minor, list fields) except? -2
