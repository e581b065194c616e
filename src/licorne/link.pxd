cdef class Gate:
    cpdef open(self)


cdef class Cycle:
    cpdef start(self)
    cpdef finish(self, object error)
    cpdef bint is_answered(self)
    cpdef bint is_forsaken(self)
    cpdef announce_shutdown(self)


cdef class Account:
    cdef public dict extensions
    cdef public list fields
    cdef public bint is_nameless
    cdef public bint is_secure
    cdef public bytes prefix


cdef class Security:
    cdef public object connection
    cdef public dict extension


cdef class Link:
    cdef public Account account
    cdef public tuple client
    cdef public bint is_secure
    cdef public dict scope
    cdef public tuple server
    cdef public int standing
    cdef public Security tls

    cpdef pump(self)
    cpdef flush(self)
    cpdef push(self)
    cpdef drain(self)
    cpdef Gate gate(self)
    cpdef start(self, Cycle cycle)


cdef class Service:
    cpdef begin(self, object exchange, Link link)
