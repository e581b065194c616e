# The C bodies of `_bytes.py`, inlined into every module that cimports this file.
# No bound is checked here: callers pass 0 <= start <= end <= len(data), which the engine tests run with
# boundscheck builds; this is the one file with pointer arithmetic.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.tuple cimport PyTuple_GET_ITEM
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memchr, memcpy

cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    str PyUnicode_DecodeUTF8(const char *data, Py_ssize_t size, const char *errors)
    bytes PyUnicode_AsUTF8String(object text)
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    void *PyUnicode_DATA(object text)


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


cdef inline bytes _put_frame(int head, const char *payload, Py_ssize_t size):
    cdef Py_ssize_t width = 0 if size < 126 else (2 if size < 65536 else 8)
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, 2 + width + size)
    cdef unsigned char *target = <unsigned char *>PyBytes_AS_STRING(frame)
    cdef Py_ssize_t i
    target[0] = head
    target[1] = size if width == 0 else (126 if width == 2 else 127)
    for i in range(width):
        target[2 + i] = (size >> (8 * (width - 1 - i))) & 255
    memcpy(target + 2 + width, payload, size)
    return frame


cdef inline bytes join_frame(int head, object payload):
    cdef bytes data
    if isinstance(payload, str):
        if PyUnicode_IS_COMPACT_ASCII(payload):
            return _put_frame(head, <const char *>PyUnicode_DATA(payload), PyUnicode_GET_LENGTH(payload))
        data = PyUnicode_AsUTF8String(payload)
    else:
        data = payload
    return _put_frame(head, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef inline uint64_t _put_unmasked(unsigned char *target, const unsigned char *source, Py_ssize_t size, uint32_t mask) noexcept:
    # Eight bytes at a time, which compilers widen further. Returns all bytes ORed: bit 7 of any says "not ASCII".
    cdef uint64_t wide, word
    cdef uint64_t seen = 0
    cdef unsigned char key[8]
    cdef Py_ssize_t i = 0
    for i in range(8):
        key[i] = (mask >> (8 * (i & 3))) & 255
    memcpy(&wide, key, 8)
    for i in range(size >> 3):
        memcpy(&word, source + 8 * i, 8)
        word ^= wide
        seen |= word
        memcpy(target + 8 * i, &word, 8)
    i = size & ~7
    while i < size:
        target[i] = source[i] ^ key[i & 7]
        seen |= target[i]
        i += 1
    return seen


cdef inline bytes unmask(bytes data, Py_ssize_t start, Py_ssize_t end, uint32_t mask):
    cdef bytes unmasked = PyBytes_FromStringAndSize(NULL, end - start)
    _put_unmasked(
        <unsigned char *>PyBytes_AS_STRING(unmasked),
        <const unsigned char *>PyBytes_AS_STRING(data) + start,
        end - start,
        mask,
    )
    return unmasked


cdef inline str unmask_text(bytes data, Py_ssize_t start, Py_ssize_t end, uint32_t mask):
    # Most text is ASCII, and is complete once it is unmasked into a new str. If it is not, that str was a buffer.
    cdef Py_ssize_t size = end - start
    cdef str text
    cdef char *target
    cdef uint64_t seen
    if size < 2:
        return unmask(data, start, end, mask).decode("utf-8")  # these are shared, and must not be written into
    text = PyUnicode_New(size, 127)
    target = <char *>PyUnicode_DATA(text)
    seen = _put_unmasked(<unsigned char *>target, <const unsigned char *>PyBytes_AS_STRING(data) + start, size, mask)
    if (seen >> 7) & 0x0101010101010101:
        return PyUnicode_DecodeUTF8(target, size, NULL)
    return text
