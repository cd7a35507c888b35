import { defineConfig } from 'vite';

// The page is served at /graphql and its files at /graphiql/, both possibly below a prefix, so every address is relative.
export default defineConfig({
  base: './',
  logLevel: 'warn',
  build: {
    assetsDir: 'graphiql',
    chunkSizeWarningLimit: 8000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
});
