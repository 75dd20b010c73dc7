/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/verdict_json.h"

void verdict_json_why(struct json *j, enum stacks_reason reason)
{
	const char *name = stacks_reason_name(reason), *text = stacks_reason_text(reason);

	json_string(j, "reason", name[0] == '\0' ? NULL : name);
	json_string(j, "why", text[0] == '\0' ? NULL : text);
}

void verdict_json(struct json *j, const struct stacks_verdict *v, const char *file)
{
	const char *version = v->stack.version;
	enum stacks_result result = stacks_result(v);
	char advice[STACKS_ADVICE];

	json_string(j, "kind", stacks_kind_text(v->stack.kind));
	json_string(j, "version", version[0] == '\0' ? NULL : version);
	json_string(j, "file", file);
	json_bool(j, "linked_in", v->stack.linkage != TLS_SHARED);
	if (result == RESULT_UNKNOWN)
		json_string(j, "reached", NULL);
	else
		json_bool(j, "reached", result == RESULT_YES);
	json_string(j, "layer", stacks_layer_name(v->layer));
	json_bool(j, "aside", v->is_aside);
	verdict_json_why(j, v->reason);
	json_string(j, "variable", v->variable < 0 ? NULL : tls_variable_name[v->variable]);
	stacks_advice(v, advice);
	json_string(j, "advice", advice[0] == '\0' ? NULL : advice);
}
