// Before anything is drawn: the theme that was chosen here, and that there are scripts.
document.documentElement.dataset.scripted = "";
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* Storage can be forbidden; then the system's theme stays. */ }
