/* Nothing to call: linking it is all it takes. */
