/** Rules of this namespace are for clients of every namespace that has none of its own (Istio's MeshConfig.rootNamespace). */
export const rootNamespace = 'istio-system';
