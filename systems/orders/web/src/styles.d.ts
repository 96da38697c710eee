// Vite turns imported style sheets into files of the page.
declare module '*.css'
