// toml++ (a C++ header library) seen from Swift: a document is walked once, depth first, each value with its position.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ctoml_table_begin,
    ctoml_table_end,
    ctoml_array_begin,
    ctoml_array_end,
    ctoml_string,
    ctoml_integer,
    ctoml_float,
    ctoml_boolean,
    ctoml_other,  // dates and times: no key of ours has one
    ctoml_error,  // the document does not parse; `text` says why; nothing follows
} ctoml_kind;

typedef struct {
    ctoml_kind kind;
    const char *key;  // of the value in its table, not NUL-terminated; NULL in an array and for the root
    size_t key_length;
    const char *text;  // of a string or an error
    size_t text_length;
    int64_t integer;
    double number;
    bool boolean;
    uint32_t line, column;          // of the value, from 1
    uint32_t key_line, key_column;  // of its key, 0 when there is none
} ctoml_event;

typedef void (*ctoml_visitor)(void *context, const ctoml_event *event);

// Calls `visitor` for each part of the document. What an event points to is valid only during the call.
void ctoml_parse(const char *bytes, size_t length, ctoml_visitor visitor, void *context);

#ifdef __cplusplus
}
#endif
