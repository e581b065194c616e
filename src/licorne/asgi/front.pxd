cimport cython

from licorne.asgi.forwarded cimport ForwardedLink, Forwarding
from licorne.engine.exchange cimport Exchange
from licorne.engine.received cimport RequestHead
from licorne.link cimport Account, Link

cdef int _BELIEVED
cdef int _DOUBTED


@cython.final
cdef class Front:
    cdef Forwarding forwarding
    cdef readonly bint has_checks
    cdef object hosts
    cdef object ids
    cdef bint strips
    cdef object trust

    @cython.locals(head=RequestHead, shown=Link)
    cpdef Link admit(self, Exchange exchange, Link link)
    @cython.locals(head=RequestHead, shown=ForwardedLink, account=Account)
    cdef Link _checked(self, Exchange exchange, Link link)
