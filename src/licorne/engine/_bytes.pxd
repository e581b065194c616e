# The C bodies of `_bytes.py`, inlined into every module that cimports this file.
# No bound is checked here: callers pass 0 <= start <= end <= len(data), which the engine tests run with
# boundscheck builds; this is the one file with pointer arithmetic.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.string cimport memchr, memcpy


cdef inline Py_ssize_t find(bytes data, int byte, Py_ssize_t start, Py_ssize_t end) noexcept:
    cdef const char *base = PyBytes_AS_STRING(data)
    cdef const char *hit
    if end <= start:
        return -1
    hit = <const char *>memchr(base + start, byte, end - start)
    return hit - base if hit != NULL else -1


cdef inline bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end):
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + start, end - start if end > start else 0)


cdef inline bint is_all(bytes data, Py_ssize_t start, Py_ssize_t end, bytes table) noexcept:
    cdef const unsigned char *base = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef const unsigned char *allowed = <const unsigned char *>PyBytes_AS_STRING(table)
    cdef Py_ssize_t i
    for i in range(start, end):
        if not allowed[base[i]]:
            return False
    return True


cdef inline bytes translated(bytes data, Py_ssize_t start, Py_ssize_t end, bytes table):
    cdef const unsigned char *base = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef const unsigned char *mapping = <const unsigned char *>PyBytes_AS_STRING(table)
    cdef bytes mapped
    cdef unsigned char *target
    cdef unsigned char byte
    cdef Py_ssize_t i
    if end <= start:
        return None
    mapped = PyBytes_FromStringAndSize(NULL, end - start)
    target = <unsigned char *>PyBytes_AS_STRING(mapped)
    for i in range(start, end):
        byte = mapping[base[i]]
        if not byte:
            return None
        target[i - start] = byte
    return mapped


cdef inline char *_put(char *target, bytes data) noexcept:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    memcpy(target, PyBytes_AS_STRING(data), size)
    return target + size


cdef inline bytes join_head(bytes first, list fields, bytes last, bytes body):
    # Two passes: size everything, allocate once, copy. Every field is a tuple of two bytes: the exchange checked.
    cdef Py_ssize_t size = PyBytes_GET_SIZE(first) + PyBytes_GET_SIZE(last) + PyBytes_GET_SIZE(body)
    cdef Py_ssize_t count = PyList_GET_SIZE(fields)
    cdef Py_ssize_t i
    cdef bytes head
    cdef char *target
    cdef tuple field
    for i in range(count):
        field = <tuple>PyList_GET_ITEM(fields, i)
        size += PyBytes_GET_SIZE(<bytes>PyTuple_GET_ITEM(field, 0)) + PyBytes_GET_SIZE(<bytes>PyTuple_GET_ITEM(field, 1)) + 4
    head = PyBytes_FromStringAndSize(NULL, size)
    target = _put(PyBytes_AS_STRING(head), first)
    for i in range(count):
        field = <tuple>PyList_GET_ITEM(fields, i)
        target = _put(target, <bytes>PyTuple_GET_ITEM(field, 0))
        target[0] = 58
        target[1] = 32
        target = _put(target + 2, <bytes>PyTuple_GET_ITEM(field, 1))
        target[0] = 13
        target[1] = 10
        target += 2
    target = _put(target, last)
    _put(target, body)
    return head
