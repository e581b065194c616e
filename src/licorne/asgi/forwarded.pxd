cimport cython

from licorne.engine.received cimport RequestHead
from licorne.link cimport Account, Cycle, Gate, Link


cdef frozenset _PROXY_FIELDS


@cython.final
cdef class ForwardedLink(Link):
    cdef Link inner

    cpdef begin(self, Link inner)
    @cython.locals(account=Account, old=Account)
    cpdef Account open_account(self)


@cython.final
cdef class Forwarding:
    cdef str family
    cdef bint is_whole
    cdef readonly dict known
    cdef public object trust

    @cython.locals(claims=tuple, shown=ForwardedLink)
    cpdef Link apply(self, RequestHead head, Link link)


@cython.locals(shown=ForwardedLink)
cpdef ForwardedLink link_in_front(Link link)
