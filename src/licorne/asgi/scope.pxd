cimport cython

from licorne.engine.exchange cimport Exchange
from licorne.engine.received cimport RequestHead
from licorne.link cimport Account, Link

cdef char _PERCENT


@cython.final
cdef class ScopeMaker:
    cdef dict asgi
    cdef dict extensions
    cdef bytes raw_root
    cdef str root_path
    cdef dict state
    cdef dict template

    @cython.locals(account=Account, extensions=dict, head=RequestHead, raw_path=bytes, root=bytes, scope=dict, template=dict)
    cpdef dict http_scope(self, Exchange exchange, Link link)
    cpdef dict websocket_scope(self, Exchange exchange, Link link, list subprotocols)
    @cython.locals(template=dict)
    cdef dict _template_of(self, Link link)
    cdef str _decoded(self, bytes path)
    cdef bytes _mounted(self, bytes path, bytes root)


cdef bint _is_below(bytes path, bytes root)
