cdef class Gate:
    cpdef open(self)


cdef class Cycle:
    cpdef start(self)
    cpdef finish(self, object error)
    cpdef bint is_answered(self)
    cpdef announce_shutdown(self)


cdef class Link:
    cdef public tuple client
    cdef public bint is_secure
    cdef public dict scope
    cdef public tuple server

    cpdef pump(self)
    cpdef flush(self)
    cpdef push(self)
    cpdef drain(self)
    cpdef Gate gate(self)
    cpdef start(self, Cycle cycle)


cdef class Service:
    cpdef begin(self, object exchange, Link link)
